"""harness.py - brokers, instances and readers for the suites that run real programs.

Used by tests/proc, tests/kafka, tests/systems and others.  Everything lives in one temporary directory;
processes are ended by the pids that were started here, and nothing else.
"""
import os, random, re, shutil, signal, subprocess, sys, tempfile, time, traceback

import kafka_client

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
VARIANT = os.environ.get("VARIANT", "release")
BIN = "%s/build/%s/bin/" % (ROOT, VARIANT)
BROKER = ROOT + "/tests/kafka/kafka-broker"
FLIGHTS = ROOT + "/data/pipelines/flights/"
PROGRAMS = ("ingest", "aggregate", "emit")


class Failed(Exception):
    pass


def check(condition, text, *args):
    if not condition:
        raise Failed(text % args if args else text)


def wait_for(what, seconds, fn, *args):
    """Calls fn until it gives something true, and returns that."""
    end = time.monotonic() + seconds
    while True:
        got = fn(*args)
        if got:
            return got
        if time.monotonic() > end:
            raise Failed("timed out after %g s: %s" % (seconds, what))
        time.sleep(0.05)


def alive(pid):
    try:
        with open("/proc/%d/stat" % pid) as f:
            return f.read().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def sh(*args, rc=0, **kw):
    kw.setdefault("stdout", subprocess.PIPE)
    kw.setdefault("stderr", subprocess.PIPE)
    kw.setdefault("timeout", 120)
    p = subprocess.run([str(a) for a in args], **kw)
    if rc is not None and p.returncode != rc:
        raise Failed("%s: exit %d, expected %d\n%s%s" % (" ".join(map(str, args)), p.returncode, rc,
                     (p.stdout or b"").decode(errors="replace")[-1500:],
                     (p.stderr or b"").decode(errors="replace")[-1500:]))
    return p


# ---- Avro, by hand for writing, by Debian's python3-avro for reading ----

def varint(n):
    n = (n << 1) ^ (n >> 63)
    n &= (1 << 64) - 1
    out = bytearray()
    while n > 0x7F:
        out.append(n & 0x7F | 0x80)
        n >>= 7
    out.append(n)
    return bytes(out)


def flight(number, plane, passengers, landed_at, origin):
    number, origin = number.encode(), origin.encode()
    return (varint(len(number)) + number + varint(plane) + varint(passengers) + varint(landed_at)
            + varint(len(origin)) + origin)


def unzig(data, at):
    shift = n = 0
    while True:
        b = data[at]
        at += 1
        n |= (b & 0x7F) << shift
        if b < 0x80:
            return (n >> 1) ^ -(n & 1), at
        shift += 7


def read_flight(data):
    """The same the other way, for the oracle of the storm: a million rows in seconds."""
    size, at = unzig(data, 0)
    number, at = data[at:at + size], at + size
    plane, at = unzig(data, at)
    passengers, at = unzig(data, at)
    landed, at = unzig(data, at)
    size, at = unzig(data, at)
    if at + size != len(data):
        raise ValueError("not a flight")
    return number.decode(), plane, passengers, landed, data[at:].decode()


def avro_reader(name):
    import io
    import avro.io
    import avro.protocol
    with open(FLIGHTS + "flights.avpr") as f:
        protocol = avro.protocol.parse(f.read())
    schema = [t for t in protocol.types if t.name == name][0]
    reader = avro.io.DatumReader(schema)

    def read(data):
        stream = io.BytesIO(data)
        row = reader.read(avro.io.BinaryDecoder(stream))
        check(stream.read() == b"", "bytes are left after %s", row)
        return row
    return read


# ---- the broker ----

class Broker:
    def __init__(self, directory, *props):
        self.dir, self.props = directory, props
        self.started = False
        self.frozen = 0
        # Of the test's own clients.  With --tls the broker makes these files and demands them.
        self.conf = {}
        if "--tls" in props:
            self.conf = {"security_protocol": "ssl", "ssl_ca_location": directory + "/tls/ca.pem",
                         "ssl_certificate_location": directory + "/tls/client.pem",
                         "ssl_key_location": directory + "/tls/client.key"}
        self.choose_port()

    def start(self):
        # Not a pipe: the broker keeps what it inherits.  A port may be taken by somebody else.
        for attempt in range(3):
            with open(self.dir + ".start", "w+") as log:
                p = sh(BROKER, "start", self.dir, self.port, *self.props, rc=None, stdout=log, stderr=log,
                       timeout=900)  # the first one fetches the broker
                if p.returncode == 0:
                    self.started = True
                    return
                log.seek(0)
                text = log.read()
            check(not self.started and attempt < 2, "the broker does not start: %s", text[-1000:])
            shutil.rmtree(self.dir, ignore_errors=True)
            self.choose_port()

    def choose_port(self):
        self.port = 20000 + random.randrange(5000) * 2
        self.address = "127.0.0.1:%d" % self.port

    def stop(self):
        if self.frozen:
            self.thaw()
        sh(BROKER, "stop", self.dir, rc=None, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def kill(self):
        sh(BROKER, "kill", self.dir)

    def freeze(self):
        """Alive, connected, and without an answer."""
        with open(self.dir + "/pid") as f:
            self.frozen = int(f.read())
        os.kill(self.frozen, signal.SIGSTOP)

    def thaw(self):
        os.kill(self.frozen, signal.SIGCONT)
        self.frozen = 0

    def try_topic(self, name):
        """False while a deleted one of that name is still going."""
        try:
            self.topic(name)
            return True
        except kafka_client.KafkaError:
            return False

    def topic(self, name, partitions=1, *config):
        with kafka_client.admin(self.address, **self.conf) as client:
            client.create_topics([name], partitions, config)

    def topics(self, *names):
        with kafka_client.admin(self.address, **self.conf) as client:
            client.create_topics(names)

    def delete_topic(self, name):
        with kafka_client.admin(self.address, **self.conf) as client:
            client.delete_topic(name)

    def delete_records(self, topic, before, partition=0):
        with kafka_client.admin(self.address, **self.conf) as client:
            client.delete_records(topic, partition, before)

    def groups(self):
        with kafka_client.admin(self.address, **self.conf) as client:
            return client.groups()

    def forget_position(self, group, topic):
        """What the broker does by itself after offsets.retention.minutes."""
        with kafka_client.admin(self.address, **self.conf) as client:
            client.delete_group_offset(group, topic, 0)

    def tool(self, name, *args, rc=0):
        return sh(BROKER, "tool", self.dir, name, *args, rc=rc)

    def send(self, topic, values, partition=0, keys=None, **conf):
        """Raw values, one message each; None is a null message, or a null key."""
        with kafka_client.producer(self.address, **self.conf, **conf) as client:
            client.send(topic, values, partition, keys=keys)

    def transact(self, transactional_id, topic, values):
        """A whole transaction by somebody else under that id."""
        with kafka_client.producer(self.address, **self.conf, transactional_id=transactional_id) as client:
            client.transact(topic, values)

    def read(self, topic, isolation="read_committed", whole=False):
        """All messages: (partition, offset, timestamp, value), value None for null; whole: key and headers too."""
        with kafka_client.consumer(self.address, isolation, **self.conf) as client:
            return client.read(topic, whole)

    def values(self, topic):
        return [r[3] for r in self.read(topic)]


# ---- an instance and its programs ----

# Orders in a file to windows of each shop, and to those of more than so many; in files.
ORDERS_SQL = """
SET 'pipeline.name' = 'p';
CREATE TABLE orders (id BIGINT NOT NULL, shop STRING, qty INT, at_ms BIGINT NOT NULL,
  ts AS TO_TIMESTAMP_LTZ(at_ms, 3), WATERMARK FOR ts AS ts - INTERVAL '1' SECOND
) WITH ('connector' = 'filesystem', 'path' = '%(input)s', 'format' = 'json');
CREATE TABLE per_shop (shop STRING, n BIGINT, qty BIGINT, ended BIGINT) WITH (
  'connector' = 'filesystem', 'path' = '%(out)s/per_shop', 'format' = 'json');
CREATE TABLE passed (id BIGINT, shop STRING) WITH (
  'connector' = 'filesystem', 'path' = '%(out)s/passed', 'format' = 'json');
EXECUTE STATEMENT SET BEGIN
INSERT INTO per_shop SELECT shop, COUNT(*), SUM(CAST(qty AS BIGINT)), EXTRACT(EPOCH FROM window_end)
FROM TABLE(TUMBLE(TABLE orders, DESCRIPTOR(ts), INTERVAL '10' SECOND))
GROUP BY shop, window_start, window_end;
INSERT INTO passed SELECT id, shop FROM orders WHERE qty > %(least)d;
END;
"""


class Instance:
    def __init__(self, directory):
        self.dir = directory
        self.running = {}
        self.logs = directory + ".logs"
        self.out = directory + ".out"
        os.makedirs(self.logs, exist_ok=True)

    def ctl(self, *args, rc=0, **kw):
        return sh(BIN + "flightctl", "-i", self.dir, *args, rc=rc, **kw)

    def write(self, sql, name="p.sql"):
        """The .sql file with the flights' schemas beside it."""
        path = self.logs + "/" + name
        shutil.copy(FLIGHTS + "flights.avpr", self.logs)
        with open(path, "w") as f:
            f.write(sql)
        return path

    def apply(self, sql, name="p.sql", rc=0):
        return self.ctl("up", "--apply-only", self.write(sql, name), rc=rc)

    def apply_orders(self, path, least, rc=0):
        return self.apply(ORDERS_SQL % {"input": path, "out": self.out, "least": least}, rc=rc)

    def joined(self, table):
        """All parts in the order of their rows; gaps, overlaps and leftovers are failures."""
        text, at = b"", 0
        for name in sorted(os.listdir(self.out + "/" + table)):
            m = re.fullmatch(r"part-[0-9a-f]{8}-(\d+)-(\d+)\.json", name)
            check(m, "%s was left in %s", name, table)
            check(int(m.group(1)) == at, "%s: row %d comes next", name, at)
            at = int(m.group(2)) + 1
            with open("%s/%s/%s" % (self.out, table, name), "rb") as f:
                text += f.read()
        return text

    def log_path(self, program):
        return "%s/%s.log" % (self.logs, program)

    def log(self, program):
        try:
            with open(self.log_path(program), errors="replace") as f:
                return f.read()
        except FileNotFoundError:
            return ""

    def start(self, *programs, fault=None):
        for program in programs or PROGRAMS:
            env = dict(os.environ)
            env.pop("FLIGHT_FAULT", None)
            if fault:
                env["FLIGHT_FAULT"] = fault
            with open(self.log_path(program), "ab") as log:
                self.running[program] = subprocess.Popen(
                    [BIN + "flight-" + program, "-i", self.dir], stdout=log, stderr=log, env=env)

    def kill(self, *programs):
        for program in programs or list(self.running):
            p = self.running.pop(program)
            p.kill()
            p.wait()

    def stop(self, *programs):
        for program in programs or list(self.running):
            p = self.running.get(program)
            p.terminate()
        for program in programs or list(self.running):
            self.wait(program, None)

    def wait(self, program, rc=0, seconds=60):
        p = self.running.pop(program)
        try:
            got = p.wait(seconds)
        except subprocess.TimeoutExpired:
            p.kill()
            p.wait()
            raise Failed("flight-%s did not end in %g s\n%s" % (program, seconds, self.log(program)[-2000:]))
        check(rc is None or got == rc, "flight-%s ended with %d, expected %s\n%s", program, got, rc,
              self.log(program)[-2000:])
        return got

    def run_bounded(self, *programs):
        self.start(*programs)
        for program in programs or PROGRAMS:
            self.wait(program, 0)

    def end(self):
        for program in list(self.running):
            p = self.running.pop(program)
            if p.poll() is None:
                p.kill()
            p.wait()

    def metrics(self):
        out = {}
        for line in self.ctl("metrics").stdout.decode().splitlines():
            if line and not line.startswith("#"):
                name, value = line.rsplit(" ", 1)
                out[name] = out.get(name, 0) + float(value)
        return out


def flights_sql(broker, suffix="", file="flights.sql", quiet=None, bounded=False, start="earliest-offset"):
    """A shipped pipeline on another broker, with topics and ids of its own."""
    with open(FLIGHTS + file) as f:
        sql = f.read()
    sql = sql.replace("localhost:9092", broker.address)
    for topic in ("flights", "average_passengers", "trend_origin"):
        sql = sql.replace("'topic' = '%s'" % topic, "'topic' = '%s%s'" % (topic, suffix))
    sql = re.sub(r"('sink.transactional-id-prefix' = '[^']*)'", r"\1%s'" % suffix, sql)
    if quiet is not None:
        sql = re.sub(r"'flight.quiet-close' = '[^']*'", "'flight.quiet-close' = '%s'" % quiet, sql)
    if bounded:
        sql = sql.replace("'scan.startup.mode'", "'scan.bounded.mode' = 'latest-offset',\n  'scan.startup.mode'", 1)
    return sql.replace("'scan.startup.mode' = 'earliest-offset'", "'scan.startup.mode' = '%s'" % start)


# ---- running a suite ----

class Suite:
    """Claims are functions; their names are what is printed."""

    def __init__(self, argv):
        self.claims, self.wanted = [], argv
        self.tmp = tempfile.mkdtemp(prefix="flight-test-")
        self.instances, self.brokers = [], []

    def claim(self, fn):
        self.claims.append(fn)
        return fn

    def instance(self, name):
        inst = Instance("%s/%s" % (self.tmp, name))
        self.instances.append(inst)
        return inst

    def broker(self, *props):
        broker = Broker("%s/broker%d" % (self.tmp, len(self.brokers)), *props)
        self.brokers.append(broker)
        broker.start()
        return broker

    def run(self):
        passed = failed = 0
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
        try:
            for fn in self.claims:
                if self.wanted and fn.__name__ not in self.wanted:
                    continue
                t0 = time.monotonic()
                try:
                    fn()
                    passed += 1
                    print("ok %s (%.1f s)" % (fn.__name__, time.monotonic() - t0), flush=True)
                except Exception as e:  # noqa: a test may fail in any way
                    failed += 1
                    text = str(e) if isinstance(e, Failed) else traceback.format_exc()
                    print("FAILED %s: %s" % (fn.__name__, text), flush=True)
                    if os.environ.get("KEEP"):
                        print("kept: " + self.tmp, flush=True)
                finally:
                    for inst in self.instances:
                        inst.end()
        finally:
            for inst in self.instances:
                inst.end()
            for broker in self.brokers:
                broker.stop()
            if not os.environ.get("KEEP"):
                shutil.rmtree(self.tmp, ignore_errors=True)
        print("%d passed, %d failed" % (passed, failed))
        sys.exit(1 if failed else 0)
