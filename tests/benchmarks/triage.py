"""Triage without an LLM, in processor time a message, against SpamAssassin and rspamd without network.

All three judge the same messages, one after the other, in a process that has loaded its rules already.
A contender that is not installed (Debian's packages `spamassassin`, `rspamd`) is left out, with a sentence.
"""

import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.client import HTTPConnection
from pathlib import Path

import psutil

from inbox.mail import parse
from inbox.triage import Surroundings, judge
from tests.benchmarks.measure import Result, ratio, take_turns, told
from tests.inbox import modern

MAIL = Path(__file__).resolve().parents[3] / "shared" / "mail"
EVERY = 40  # of the set's messages one in so many: about 37, since SpamAssassin takes its time
ROUNDS = 3
SPAMASSASSIN_GOAL, RSPAMD_GOAL = 20.0, 1.0
# Reads the names of messages, judges each, prints the processor seconds of the judging alone.
PERL = """
use Mail::SpamAssassin;
my $judge = Mail::SpamAssassin->new({local_tests_only => 1, dont_copy_prefs => 1, userprefs_filename => '/dev/null'});
$judge->compile_now(0);
while (my $line = <STDIN>) {
    chomp $line;
    my ($user, $system) = times;
    for my $name (split /\\t/, $line) {
        open(my $file, '<:raw', $name) or die; local $/; my $raw = <$file>; close $file;
        my $mail = $judge->parse($raw, 0);
        my $status = $judge->check($mail);
        $status->is_spam; $status->finish; $mail->finish;
    }
    my ($user2, $system2) = times;
    $| = 1; print $user2 + $system2 - $user - $system, "\\n";
}
"""
# What asks the network is off.
OFFLINE_MODULES = """
asn dkim dmarc arc spf rbl surbl emails fuzzy_check phishing mx_check dcc neural greylist ratelimit replies
"""


def run(_: list[str]) -> list[Result]:
    with tempfile.TemporaryDirectory() as folder:
        sample = _sample(Path(folder))
        contents = [path.read_bytes() for path in sample]

        def ours() -> float:
            began = time.process_time()
            for raw in contents:
                mail = parse(raw)
                judge(mail, Surroundings(now=mail.date or datetime.now(UTC)))
            return (time.process_time() - began) * 1000 / len(contents)

        results = []
        for name, contender, goal in (
            ("SpamAssassin", _spamassassin, SPAMASSASSIN_GOAL),
            ("rspamd", _rspamd, RSPAMD_GOAL),
        ):
            with contender(sample) as theirs:
                if theirs is None:
                    print(
                        f"{name} is not installed here: not measured (apt install {name.lower()})",
                        file=sys.stderr,
                    )
                    continue
                mine, other = take_turns(ROUNDS, ours, theirs)
            detail = f"{told(mine, 'ms')} against {told(other, 'ms')} a message, {len(sample)} of them"
            results.append(Result(f"triage a CPU-second : {name} offline", ratio(other, mine), goal, detail))
    return results


def _sample(folder: Path) -> list[Path]:
    """Real mail where it is at hand, else the honest mail of the tests."""
    if MAIL.is_dir():
        return sorted(MAIL.rglob("*.eml"))[::EVERY]
    print(f"no real mail at {MAIL}: measured on the tests' own", file=sys.stderr)
    for number, spec in enumerate(modern.specifications()):
        (folder / f"{number}.eml").write_bytes(modern.build(spec))
    return sorted(folder.iterdir())


@contextmanager
def _spamassassin(sample: list[Path]) -> Iterator[Callable[[], float] | None]:
    if shutil.which("spamassassin") is None or shutil.which("perl") is None:
        yield None
        return
    command = ["perl", "-e", PERL]
    child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert child.stdin is not None and child.stdout is not None
    pipe, answers = child.stdin, child.stdout

    def once() -> float:
        pipe.write("\t".join(map(str, sample)) + "\n")
        pipe.flush()
        return float(answers.readline()) * 1000 / len(sample)

    try:
        yield once
    finally:
        pipe.close()
        child.wait(30)


@contextmanager
def _rspamd(sample: list[Path]) -> Iterator[Callable[[], float] | None]:
    if shutil.which("rspamd") is None:
        yield None
        return
    with tempfile.TemporaryDirectory() as folder:
        port = _free_port()
        child = subprocess.Popen(
            _rspamd_command(Path(folder), port), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            _await(port, child)
            process = psutil.Process(child.pid)
            contents = [path.read_bytes() for path in sample]

            def once() -> float:
                before = _spent(process)
                for raw in contents:
                    _ask(port, raw)
                return (_spent(process) - before) * 1000 / len(contents)

            yield once
        finally:
            child.terminate()
            child.wait(30)


def _rspamd_command(folder: Path, port: int) -> list[str]:
    """A server of its own on loopback, with a configuration that asks nobody."""
    local = folder / "etc" / "local.d"
    local.mkdir(parents=True)
    for module in OFFLINE_MODULES.split():
        (local / f"{module}.conf").write_text("enabled = false;\n")
    (local / "options.inc").write_text(
        'dns { nameserver = ["127.0.0.1:1"]; timeout = 0.01; retransmits = 0; }\n'
    )
    (local / "worker-normal.inc").write_text(f'bind_socket = "127.0.0.1:{port}"; count = 1;\n')
    (local / "logging.inc").write_text('type = "console"; level = "error";\n')
    for worker in ("controller", "proxy", "fuzzy"):
        (local / f"worker-{worker}.inc").write_text("enabled = false; count = 0;\n")
    places = {"LOCAL_CONFDIR": folder / "etc", "DBDIR": folder, "RUNDIR": folder, "LOGDIR": folder}
    variables = [f"--var={name}={place}" for name, place in places.items()]
    return ["rspamd", "-f", "-i", *variables]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def _await(port: int, child: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + 240  # it compiles its patterns first
    while time.monotonic() < deadline and child.poll() is None:
        try:
            return _ask(port, b"Subject: ready?\n\n")
        except OSError:
            time.sleep(0.2)
    raise RuntimeError("rspamd did not start: run it by hand to see why")


def _ask(port: int, raw: bytes) -> None:
    connection = HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request("POST", "/checkv2", raw)
    connection.getresponse().read()
    connection.close()


def _spent(process: psutil.Process) -> float:
    """Processor seconds of a process and its children."""
    everyone = [process, *process.children(recursive=True)]
    return sum(one.cpu_times().user + one.cpu_times().system for one in everyone)
