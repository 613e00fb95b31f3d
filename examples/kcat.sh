#!/bin/sh
# SPDX-License-Identifier: MIT
# Submit one chat job in JSON and print its result, with kcat.
#
# usage: BYOK_BROKERS=localhost:9092 ./kcat.sh USER PROMPT
set -eu
brokers=${BYOK_BROKERS:-localhost:9092}
prefix=${BYOK_TOPIC_PREFIX:-byok.}
user=$1
id=$(cat /proc/sys/kernel/random/uuid)

# A prompt with quotes or backslashes needs them escaped for JSON.
prompt=$(printf %s "$2" | sed 's/[\\"]/\\&/g' | tr '\n\t' '  ')

# -k the record key is the user; murmur2_random is the partitioner of Java clients, which byokd goes by.
printf '{"id":"%s","user":"%s","capability":"chat","prompt":"%s"}\n' "$id" "$user" "$prompt" |
  kcat -P -b "$brokers" -t "${prefix}requests" -X topic.partitioner=murmur2_random \
    -k "$user" -H content-type=application/json

# The last 1,000 results of each partition, again and again until the one with our id is among them.
for _ in $(seq 60); do
  result=$(kcat -C -q -e -b "$brokers" -t "${prefix}results" -X isolation.level=read_committed \
    -o -1000 -f '%h %s\n' | grep -a -m 1 "byok-request-id=$id" || true)
  if [ -n "$result" ]; then
    printf '%s\n' "{${result#*\{}"
    case $result in *'"status":"ok"'*) exit 0 ;; *) exit 1 ;; esac
  fi
  sleep 1
done
echo "no result in time" >&2
exit 3
