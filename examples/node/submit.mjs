// SPDX-License-Identifier: MIT
// Submit one chat job in JSON and print its result, with kafkajs.
//
// usage: BYOK_BROKERS=localhost:9092 node submit.mjs USER PROMPT [MODEL]
import { randomUUID } from 'node:crypto'
import { createRequire } from 'node:module'

// `npm install kafkajs` beside this file, or NODE_PATH where it is
const { Kafka, Partitioners, logLevel } = createRequire(import.meta.url)('kafkajs')
const prefix = process.env.BYOK_TOPIC_PREFIX ?? 'byok.'
const kafka = new Kafka({
  clientId: 'example',
  brokers: (process.env.BYOK_BROKERS ?? 'localhost:9092').split(','),
  logLevel: logLevel.NOTHING,
})

async function call(user, job, timeoutMs = 60000) {
  const id = job.id
  const consumer = kafka.consumer({ groupId: `example-${id}`, readUncommitted: false })
  // kafkajs 2: the default partitioner is Java's murmur2, which byokd goes by; said here to be plain
  const producer = kafka.producer({ createPartitioner: Partitioners.DefaultPartitioner })
  await Promise.all([consumer.connect(), producer.connect()])
  let timer
  try {
    // read from the end as it is before sending, so that the result cannot be missed
    const admin = kafka.admin()
    await admin.connect()
    const ends = await admin.fetchTopicOffsets(prefix + 'results')
    await admin.disconnect()
    await consumer.subscribe({ topic: prefix + 'results' })
    const result = new Promise((resolve, reject) => {
      timer = setTimeout(() => reject(new Error('no result in time')), timeoutMs)
      const eachMessage = async ({ message }) => {
        if (message.headers['byok-request-id']?.toString() === id) resolve(JSON.parse(message.value))
      }
      consumer.run({ autoCommit: false, eachMessage }).catch(reject)
    })
    for (const { partition, offset } of ends) consumer.seek({ topic: prefix + 'results', partition, offset })
    const headers = { 'content-type': 'application/json' }
    await producer.send({ topic: prefix + 'requests', messages: [{ key: user, value: JSON.stringify(job), headers }] })
    return await result
  } finally {
    clearTimeout(timer)
    await Promise.all([consumer.disconnect(), producer.disconnect()])
  }
}

const [user, prompt, model] = process.argv.slice(2)
const result = await call(user, { id: randomUUID(), user, capability: 'chat', prompt, model })
console.log(result.status, result.text ?? result.error)
process.exit(result.status === 'ok' ? 0 : 1)
