# SPDX-License-Identifier: MIT
"""What a worker cannot do any more, asked of a living one through a debugger; and that it works without any privilege."""
import base64
import ctypes
import json
import os
import platform
import re
import shutil
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from support.stack import BUILD, PATIENCE, SKIPPED, Stack, Worker, call, expect, main, wait_for  # noqa: E402

KEY = "sk-alice-" + "a1B2" * 8
NUMBERS = {  # asm/unistd.h
    "x86_64": {"execve": 59, "ptrace": 101, "process_vm_readv": 310, "fork": 57, "prctl": 157, "socket": 41, "openat": 257, "prlimit64": 302,
               "kill": 62, "mmap": 9, "landlock_create_ruleset": 444, "seccomp": 317},
    "aarch64": {"execve": 221, "ptrace": 117, "process_vm_readv": 270, "prctl": 167, "socket": 198, "openat": 56, "prlimit64": 261,
                "kill": 129, "mmap": 222, "landlock_create_ruleset": 444, "seccomp": 277},
}[platform.machine()]
EPERM, EACCES, ENOSYS = 1, 13, 38
AT_FDCWD, O_RDONLY, O_CREAT_WRONLY, O_TRUNC_WRONLY = -100, 0, 0o101, 0o1001
PR_SET_DUMPABLE, PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP = 4, 38, 22


def syscalls(worker, calls):
    """Make each (name, argument...) in the worker's first thread; 0 or more, or -errno, of each."""
    lines = [f'print (long)syscall({NUMBERS[name]}{"".join(f", {a}" if isinstance(a, int) else f", (char*){quoted(a)}" for a in arguments)})'
             "\nprint *(int*)__errno_location()" for name, *arguments in calls]
    commands = [part for line in lines for part in ("-ex", line.split("\n")[0], "-ex", line.split("\n")[1])]
    done = subprocess.run(["gdb", "-batch", "-nx", "-p", str(worker.process.pid), *commands], capture_output=True, text=True, timeout=120 * PATIENCE)
    values = [int(value) for value in re.findall(r"^\$\d+ = (-?\d+)$", done.stdout, re.M)]
    expect(len(values) == 2 * len(calls), f"gdb: {done.stdout[-1500:]} {done.stderr[-1500:]}")
    return [value if value >= 0 else -error for value, error in zip(values[::2], values[1::2])]


def quoted(text):
    return '"' + str(text) + '"'


def status_of(worker):
    """Field -> the values that the threads of the worker have in /proc."""
    found = {}
    for task in Path(f"/proc/{worker.process.pid}/task").iterdir():
        for line in (task / "status").read_text().splitlines():
            name, _, value = line.partition(":")
            found.setdefault(name, set()).add(value.strip())
    return found


def submit(stack):
    return call(stack, "submit", "--user", "alice", "--capability", "chat", "--provider", "openai", "--prompt", "Hi", "--wait")


def a_worker_has_given_up_what_it_does_not_use():
    with Stack() as stack:
        worker = stack.worker("w1", sandbox={"seccomp": "require", "landlock": "require"})
        stack.add_key("alice", KEY)
        expect("event=sandbox no_new_privs=on landlock=on" in worker.err() and "seccomp=on" in worker.err(), worker.err())
        status = status_of(worker)
        expect(len(list(Path(f"/proc/{worker.process.pid}/task").iterdir())) > 5, "all threads were looked at")
        expect(not list(Path("/dev/shm").glob(f"*-{worker.process.pid}")), "nothing of it is in shared memory")
        expect(status["NoNewPrivs"] == {"1"} and status["Seccomp"] == {"2"}, status)
        expect(Path(f"/proc/{worker.process.pid}/limits").read_text().split("Max core file size")[1].split()[0] == "0", "no core file")
        data, other = stack.folder / "w1", stack.folder / "other"
        other.write_text("x")
        asked = [
            (("execve", "/bin/true", 0, 0), -EPERM), (("ptrace", 16, os.getpid(), 0, 0), -EPERM),
            (("process_vm_readv", os.getpid(), 0, 0, 0, 0, 0), -EPERM), (("kill", os.getpid(), 0), -EPERM),
            (("prctl", PR_SET_DUMPABLE, 1, 0, 0, 0), -ENOSYS), (("prlimit64", 0, 4, "0123456789abcdef", 0), -ENOSYS),
            (("socket", 17, 3, 0), -ENOSYS), (("mmap", 0, 4096, 7, 0x22, -1, 0), -ENOSYS),
            (("openat", AT_FDCWD, stack.master_key, O_RDONLY), -EACCES), (("openat", AT_FDCWD, other, O_RDONLY), -EACCES),
            (("openat", AT_FDCWD, other, O_TRUNC_WRONLY), -EACCES), (("openat", AT_FDCWD, "/tmp/byok-new", O_CREAT_WRONLY, 0o600), -EACCES),
            (("openat", AT_FDCWD, "/etc/byok-new", O_CREAT_WRONLY, 0o600), -EACCES), (("openat", AT_FDCWD, "/root", O_RDONLY), -EACCES),
        ]
        if "fork" in NUMBERS:
            asked.append((("fork",), -EPERM))
        for (what, want), got in zip(asked, syscalls(worker, [what for what, _ in asked])):
            expect(got == want, f"{what}: {got}, not {want}")
        # What it may do, so that the answers above are no failure of the asking.
        allowed = [("openat", AT_FDCWD, data / "tried", O_CREAT_WRONLY, 0o600), ("openat", AT_FDCWD, "/etc/hosts", O_RDONLY), ("socket", 2, 1, 0)]
        for what, got in zip(allowed, syscalls(worker, allowed)):
            expect(got >= 0, f"{what}: {got}")
        expect(submit(stack)["status"] == "ok", "it works on")


def another_process_cannot_look_into_it():
    """As the same user: neither its memory, nor its environment, nor tracing; nor those of `byok` while it asks for a key."""
    with Stack() as stack:
        worker = stack.add(unprivileged(stack, "w1"))
        wait_for("it is ready", worker.ready)
        sealed = base64.b64encode(b"7" * 32).decode()
        client = subprocess.Popen(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", BUILD / "client" / "byok", "key", "add", "--user", "alice",
                                   "--provider", "openai", "--vault-key", sealed], stdin=subprocess.PIPE)
        try:
            wait_for("byok is closed to its own user", lambda: os.stat(f"/proc/{client.pid}/mem").st_uid == 0
                     and b"byok" in Path(f"/proc/{client.pid}/cmdline").read_bytes().split(b"\0")[0], 20)
            for pid in (worker.process.pid, client.pid):
                tries = [f"cat /proc/{pid}/{name}" for name in ("environ", "maps")] + [f"head -c 1 /proc/{pid}/mem"]
                tries.append(f"gdb -batch -nx -p {pid} -ex 'info registers rip' | grep rip")
                for line in tries:
                    done = subprocess.run(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "sh", "-c", line], capture_output=True, text=True)
                    expect(done.returncode != 0 and not done.stdout.strip(), f"{line}: {done.stdout[:200]}")
        finally:
            client.kill()
            client.wait()
        done = subprocess.run(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "sh", "-c", "cat /proc/$$/environ"], capture_output=True)
        expect(done.returncode == 0 and done.stdout, "of a process that is dumpable the same can be read")


def root_is_a_mount():
    """A plain chroot's root is none: nothing can be mounted anew on it."""
    return any(line.split()[4] == "/" for line in Path("/proc/self/mountinfo").read_text().splitlines())


def unprivileged(stack, name, **more):
    """A worker as nobody, on a file system that is read-only but for its data folder (where the root is a mount)."""
    settings = stack.settings(name, **more)
    data = Path(settings["data_dir"])
    data.mkdir()
    stack.folder.chmod(0o755)
    for path in (data, stack.master_key):
        os.chown(path, 65534, 65534)
    worker = Worker.__new__(Worker)
    worker.settings, worker.port = settings, None
    config = stack.folder / f"{name}.yaml"
    config.write_text(json.dumps(settings))
    mounts = f"mount --bind {data} {data} && mount -o remount,bind,ro / && mount -o remount,bind,rw {data}"
    for point in ("/tmp", "/run", "/var", "/dev/shm"):
        if os.path.ismount(point):
            mounts += f" && mount -o remount,bind,ro {point}"
    program = f"exec setpriv --reuid=65534 --regid=65534 --clear-groups --bounding-set=-all --inh-caps=-all {BUILD}/worker/byokd --config {config}"
    own_mounts = ["unshare", "--mount", "sh", "-c", f"{mounts} && {program}"] if root_is_a_mount() else ["sh", "-c", program]
    super(Worker, worker).__init__(name, own_mounts, stack.folder)
    return worker


def it_runs_without_privileges_on_a_read_only_root():
    if not root_is_a_mount():
        print("   the root of a plain chroot cannot be made read-only: it stays writable")
    with Stack() as stack:
        worker = stack.add(unprivileged(stack, "w1", sandbox={"seccomp": "require", "landlock": "require"}))
        wait_for("it is ready", worker.ready)
        status = status_of(worker)
        expect(status["Uid"] == {"65534\t65534\t65534\t65534"} and status["CapEff"] == {"0000000000000000"}, status)
        stack.public_key = stack.run([BUILD / "worker" / "byokd", "--config", stack.folder / "w1.yaml", "--public-key"]).stdout.split()[0]
        stack.add_key("alice", KEY)
        expect(submit(stack)["status"] == "ok", "a job")
        expect(worker.stop() == 0, "its end")


def without(*names):
    """For Popen: a kernel that lacks these calls, as far as the process can see."""
    class Filter(ctypes.Structure):
        _fields_ = [("code", ctypes.c_ushort), ("jt", ctypes.c_ubyte), ("jf", ctypes.c_ubyte), ("k", ctypes.c_uint32)]

    class Program(ctypes.Structure):
        _fields_ = [("len", ctypes.c_ushort), ("filter", ctypes.POINTER(Filter))]
    tests = [Filter(0x15, 0, 1, NUMBERS[name]) for name in names]  # BPF_JMP|BPF_JEQ|BPF_K
    code = [Filter(0x20, 0, 0, 0)]  # BPF_LD|BPF_W|BPF_ABS: the number
    for test in tests:
        code += [test, Filter(0x06, 0, 0, 0x00050000 | ENOSYS)]  # SECCOMP_RET_ERRNO
    if "seccomp" in names:  # the old way to the same
        code += [Filter(0x15, 0, 3, NUMBERS["prctl"]), Filter(0x20, 0, 0, 16), Filter(0x15, 0, 1, PR_SET_SECCOMP), Filter(0x06, 0, 0, 0x00050000 | 22)]
    code.append(Filter(0x06, 0, 0, 0x7FFF0000))  # SECCOMP_RET_ALLOW
    program = Program(len(code), (Filter * len(code))(*code))
    libc = ctypes.CDLL(None, use_errno=True)

    def install():
        if libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) or libc.prctl(PR_SET_SECCOMP, 2, ctypes.byref(program), 0, 0):
            os._exit(99)
    return install


def a_kernel_that_lacks_it_is_named():
    with Stack() as stack:
        config = stack.folder / "lacking.yaml"
        log = stack.folder / "lacking.err"
        for wanted, code in (("auto", 0), ("require", 2)):
            config.write_text(json.dumps(stack.settings("w9", sandbox={"seccomp": wanted, "landlock": wanted}, status={"listen": "127.0.0.1:0"})))
            with log.open("wb") as err:
                process = subprocess.Popen([BUILD / "worker" / "byokd", "--config", config], stdin=subprocess.DEVNULL, stderr=err,
                                           preexec_fn=without("landlock_create_ruleset", "seccomp"))
                try:
                    if wanted == "auto":
                        wait_for("it has started", lambda: "event=started" in log.read_text() or process.poll() is not None)
                        process.terminate()
                    expect(process.wait(60 * PATIENCE) == code, f"{wanted}: {log.read_text()}")
                finally:
                    process.kill()
            text = log.read_text()
            if wanted == "auto":
                expect("event=sandbox_lacking what=Landlock" in text and 'what="seccomp filter"' in text, text)
                expect("landlock=off landlock_abi=0 seccomp=off" in text, text)
            else:
                expect("this kernel has no Landlock" in text, text)


def what_is_switched_off_is_off():
    with Stack() as stack:
        worker = stack.worker("w1", sandbox={"seccomp": "off", "landlock": "off"})
        expect("landlock=off landlock_abi=0 seccomp=off" in worker.err(), worker.err())
        expect(status_of(worker)["Seccomp"] == {"0"} and status_of(worker)["NoNewPrivs"] == {"1"}, "no filter")


if __name__ == "__main__":
    if os.geteuid() != 0 or not shutil.which("setpriv") or os.environ.get("BYOK_SANITIZE"):
        print("asking a worker that is not dumpable takes root and no sanitizer: skipped")
        sys.exit(SKIPPED)
    main(a_worker_has_given_up_what_it_does_not_use, another_process_cannot_look_into_it, it_runs_without_privileges_on_a_read_only_root,
         a_kernel_that_lacks_it_is_named, what_is_switched_off_is_off)
