"""containers.py - a Docker daemon, images, and a compose project for a suite.

The daemon that answers is taken; where none does, root starts a private one out of Debian's
docker.io.  That one touches nothing of the host's network: no docker0, no packet filter, no
forwarding, so that its end leaves nothing behind.  Builds use the host's network there, and ports are
published by its proxy.  Its images are kept in the cache: later runs find their layers.

Where images cannot be pulled, mmdebstrap makes the base image with the sources and the Acquire
settings of the host's apt, and tests/docker/{kafka,postgres} stand in for the servers' images.
"""
import fcntl, glob, http.client, json, os, random, shutil, signal, socket, subprocess, tempfile, threading, time

from harness import BROKER, ROOT, Failed, check, sh, wait_for

CACHE = (os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")) + "/flight-docker"
SLIM = "debian:bookworm-slim"
KAFKA_VERSION = "3.9.2"  # of the line that compose.yaml takes; tests/kafka/tls has its jars too
BASE_DAYS = 14  # then the base is made anew, for the sake of security updates


class Unusable(Exception):
    """There is no daemon and none can be started: the suite is skipped."""


def run(*args, **kw):
    """Output of a command that may fail, and whether it did not."""
    p = sh(*args, rc=None, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **kw)
    return p.returncode == 0, p.stdout.decode(errors="replace")


def free_port():
    while True:
        port = 20000 + random.randrange(5000) * 2
        with socket.socket() as s:
            try:
                s.bind(("127.0.0.1", port))
                return port
            except OSError:
                pass


class Engine:
    def __init__(self, tmp):
        self.tmp, self.daemon, self.lock, self.data = tmp, None, None, None
        if not shutil.which("docker"):
            raise Unusable("there is no docker command; tests/support/install docker")
        answers, self.why = run("docker", "version", "--format", "{{.Server.Version}}", timeout=30)
        if not answers:
            self.start()

    # ---- a private daemon ----

    def data_root(self):
        """Of several runs at a time each has its own."""
        for n in range(100):
            d = "%s/%d" % (CACHE, n)
            os.makedirs(d, exist_ok=True)
            self.lock = open(d + "/lock", "w")
            try:
                fcntl.flock(self.lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return d + "/data"
            except OSError:
                self.lock.close()
        raise Unusable("all of %s is in use" % CACHE)

    def start(self):
        if os.geteuid() != 0:
            raise Unusable("no daemon answers (%s), and only root can start one" % self.why.strip()[-200:])
        if not shutil.which("dockerd"):
            raise Unusable("no daemon answers, and there is no dockerd; tests/support/install docker")
        data = self.data = self.data_root()
        if not self.try_start(data):
            # What an earlier one left may be damaged; that the machine allows none shows at the second try.
            self.end_daemon()
            shutil.rmtree(data, ignore_errors=True)
            if not self.try_start(data):
                with open(self.tmp + "/dockerd.log", errors="replace") as f:
                    last = [line for line in f.read().splitlines() if line][-1:]
                self.end()
                raise Unusable("dockerd does not start here: %s" % "".join(last)[-300:])
        # Of a run that was killed.
        old = sh("docker", "ps", "-aq").stdout.decode().split()
        if old:
            sh("docker", "rm", "-f", "-v", *old)
        for kind in ("network", "volume"):
            sh("docker", kind, "prune", "-f")

    def try_start(self, data):
        sock = self.tmp + "/docker.sock"
        os.environ["DOCKER_HOST"] = "unix://" + sock
        log = open(self.tmp + "/dockerd.log", "wb")
        self.daemon = subprocess.Popen(
            ["dockerd", "--data-root", data, "--exec-root", self.tmp + "/exec", "-H", "unix://" + sock,
             "-p", self.tmp + "/dockerd.pid", "-G", str(os.getegid()), "--bridge=none", "--iptables=false",
             "--ip6tables=false", "--ip-forward=false", "--ip-masq=false"],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
        log.close()
        end = time.monotonic() + 60
        while self.daemon.poll() is None and time.monotonic() < end:
            if run("docker", "version", timeout=30)[0]:
                return True
            time.sleep(0.1)
        return False

    def end_daemon(self):
        """Its containers are gone; containerd goes with it."""
        if self.daemon is not None:
            self.daemon.terminate()
            try:
                self.daemon.wait(60)
            except subprocess.TimeoutExpired:
                os.killpg(self.daemon.pid, signal.SIGKILL)
                self.daemon.wait()
            self.daemon = None
            # A namespace of the host's network stays mounted, and the data on themselves.
            with open("/proc/mounts") as f:
                left = [line.split()[1] for line in f]
            for path in reversed([p for p in left if p.startswith(self.tmp + "/") or p == self.data]):
                run("umount", path)

    def end(self):
        if self.daemon is None:
            # Somebody's daemon: it keeps its build cache, and no name of ours.
            ours = [i for i in sh("docker", "image", "ls", "--format", "{{.Repository}}:{{.Tag}}").stdout.decode().split()
                    if i.startswith("flight-test/")]
            if ours:
                run("docker", "image", "rm", *ours)
        self.end_daemon()
        if self.lock is not None:
            self.lock.close()
            os.environ.pop("DOCKER_HOST")

    # ---- images ----

    def network(self):
        return ["--network", "host"] if self.daemon is not None else []

    def can_have(self, image):
        """It is there, or can be pulled."""
        return run("docker", "image", "inspect", image)[0] or run("docker", "pull", "-q", image, timeout=600)[0]

    def base(self):
        """The name of an image of Debian 12."""
        if self.can_have(SLIM):
            return SLIM
        made = "flight-test/base"
        there, created = run("docker", "image", "inspect", "-f", "{{.Created}}", made)
        age = BASE_DAYS + 1
        if there:
            age = (time.time() - time.mktime(time.strptime(created[:19], "%Y-%m-%dT%H:%M:%S")) + time.timezone) / 86400
        if not 0 <= age < BASE_DAYS:
            self.make_base(made)
        return made

    def make_base(self, name):
        if os.geteuid() != 0 or not shutil.which("mmdebstrap"):
            raise Unusable("%s cannot be pulled, and only root can make one, with mmdebstrap" % SLIM)
        targets = sh("apt-get", "indextargets", "--format", "$(ORIGIN) $(CODENAME) $(REPO_URI) $(RELEASE) $(COMPONENT)",
                     "Created-By: Packages").stdout.decode().splitlines()
        targets = [t.split() for t in targets]
        lines = sorted({"deb %s %s %s" % tuple(t[2:]) for t in targets
                        if t[0] == "Debian" and t[1].startswith("bookworm")})
        if not any(" bookworm " in line for line in lines):
            lines = ["deb http://deb.debian.org/debian bookworm main"]  # the host is another Debian
        conf = self.tmp + "/apt.conf"
        with open(conf, "w") as f:
            # Without lists in other languages, and without what a machine of its own would clean up.
            f.write("".join(line + "\n" for line in sh("apt-config", "dump", "Acquire").stdout.decode().splitlines()
                            if line.startswith("Acquire::") and "::Languages" not in line))
            f.write('Acquire::Languages "none";\n')
        began, tar = time.monotonic(), self.tmp + "/base.tar"
        options = ["--dpkgopt=force-unsafe-io"] + ["--dpkgopt=path-exclude=/usr/share/%s/*" % d
                                                   for d in ("doc", "man", "info", "locale")]
        sh("mmdebstrap", "--quiet", "--variant=minbase", "--aptopt=" + conf, *options, "bookworm", tar, "-",
           input="".join(line + "\n" for line in lines).encode(), timeout=600)
        sh("docker", "import", tar, name, timeout=300)
        os.unlink(tar)
        print("made %s in %.0f s" % (name, time.monotonic() - began), flush=True)

    def build(self, tag, *args):
        began = time.monotonic()
        with open("%s/build-%s.log" % (self.tmp, tag.replace("/", "-")), "w+b") as log:
            p = subprocess.run(["docker", "build", *self.network(), "-t", tag, *args], stdout=log, stderr=log,
                               stdin=subprocess.DEVNULL, timeout=1200)
            log.seek(0)
            text = log.read().decode(errors="replace")
        check(p.returncode == 0, "%s is not built: %s", tag, text[-3000:])
        print("built %s in %.0f s, %d steps cached" % (tag, time.monotonic() - began, text.lower().count("using cache")), flush=True)

    def build_flight(self, base, tag):
        args = ("--build-arg", "BASE=" + base, "-f", ROOT + "/deploy/Dockerfile")
        # A name for the stage of the packages: its layers are found again.
        self.build("flight-test/tools", *args, "--target", "tools", ROOT)
        self.build(tag, *args, ROOT)

    def build_kafka(self, base, tag):
        jars = os.environ.get("KAFKA_JARS", os.environ.get("XDG_CACHE_HOME", os.path.expanduser("~/.cache")) + "/kafka-broker")
        jars += "-" + KAFKA_VERSION
        sh(BROKER, "fetch", env=dict(os.environ, KAFKA_JARS=jars, KAFKA_VERSION=KAFKA_VERSION), timeout=600)
        context = tempfile.mkdtemp(dir=self.tmp)
        shutil.copytree(ROOT + "/tests/docker/kafka", context, dirs_exist_ok=True)
        os.mkdir(context + "/libs")
        for jar in glob.glob(jars + "/*.jar"):
            shutil.copy2(jar, context + "/libs")
        self.build(tag, "--build-arg", "BASE=" + base, context)

    def build_postgres(self, base, tag):
        self.build(tag, "--build-arg", "BASE=" + base, ROOT + "/tests/docker/postgres")

    def images(self, wanted):
        """Names for the compose file's variables; wanted: {variable: the image it would pull}."""
        base = self.base()
        names, jobs, failed = {"BASE": base, "FLIGHT_IMAGE": "flight-test/flight"}, [], []
        work = [(self.build_flight, "flight-test/flight")]
        for variable, image in wanted.items():
            if self.can_have(image):
                names[variable] = image
            else:
                names[variable] = "flight-test/" + variable[:-len("_IMAGE")].lower()
                work.append((getattr(self, "build_" + variable[:-len("_IMAGE")].lower()), names[variable]))

        def job(fn, tag):
            try:
                fn(base, tag)
            except Exception as e:  # noqa: told below, in the thread that counts
                failed.append("%s: %s" % (tag, e))
        for fn, tag in work:
            jobs.append(threading.Thread(target=job, args=(fn, tag)))
            jobs[-1].start()
        for thread in jobs:
            thread.join()
        check(not failed, "%s", "\n".join(failed))
        if self.daemon is not None:
            sh("docker", "image", "prune", "-f", timeout=300)  # earlier builds of the same tags
        return names


class Project:
    """A compose project of its own name and ports, with the shipped compose.yaml."""

    def __init__(self, engine, images):
        self.name = "flight-test-%d" % os.getpid()
        self.engine = engine
        self.kafka_port, self.http_port = free_port(), free_port()
        self.env = dict(os.environ, KAFKA_PORT=str(self.kafka_port), HTTP_PORT=str(self.http_port),
                        POSTGRES_PORT=str(free_port()), DOCKER_CLI_HINTS="false", **images)
        self.command = ["docker", "compose"] if run("docker", "compose", "version")[0] else ["docker-compose"]
        check(shutil.which(self.command[0]), "there is neither `docker compose` nor docker-compose")
        self.address = "localhost:%d" % self.kafka_port

    def compose(self, *args, rc=0, **kw):
        kw.setdefault("timeout", 300)
        return sh(*self.command, "-p", self.name, "-f", ROOT + "/deploy/compose.yaml", *args, rc=rc, env=self.env, **kw)

    def container(self, service):
        """Its id; it may have ended."""
        got = self.compose("ps", "-q", *(["-a"] if len(self.command) == 2 else []), service).stdout.decode().split()
        check(len(got) == 1, "containers of %s: %s", service, got)
        return got[0]

    def inspect(self, service):
        return json.loads(sh("docker", "inspect", self.container(service)).stdout)[0]

    def health(self, service):
        state = self.inspect(service)["State"]
        return state["Health"]["Status"] if state["Running"] else "ended"

    def well(self, seconds=300):
        """What the health check asks, without its ten seconds between two looks."""
        wait_for("flight is well", seconds, lambda: self.exec(
            "flight", "flightctl", "status", "--strict", "--quiet", rc=None).returncode == 0)

    def flow(self, seconds=300):
        """Waits until all that is in the topics is read, folded and delivered."""
        self.well(seconds)
        wait_for("all is read", seconds, lambda: self.exec(
            "flight", "flightctl", "lag", "--over", "0", "--quiet", rc=None).returncode == 0)
        wait_for("all is delivered", seconds, lambda: all(
            s["waiting"] == 0 for s in json.loads(self.ctl("status", "--json", rc=None))["sinks"]))

    def healthy(self, *services, seconds=300):
        for service in services:
            wait_for("%s is healthy" % service, seconds, lambda: self.health(service) == "healthy")

    def exec(self, service, *args, rc=0, **kw):
        return sh("docker", "exec", *(["-i"] if "input" in kw else []), self.container(service), *args, rc=rc, **kw)

    def ctl(self, *args, rc=0, **kw):
        return self.exec("flight", "flightctl", *args, rc=rc, **kw).stdout.decode()

    def get(self, path, host=None):
        """From serve, by its port on this machine; None where it does not answer."""
        client = http.client.HTTPConnection("127.0.0.1", self.http_port, timeout=60)
        try:
            client.request("GET", path, headers={"Host": host} if host else {})
            answer = client.getresponse()
            return answer.status, answer.read().decode()
        except OSError:
            return None
        finally:
            client.close()

    def kill(self, service):
        sh("docker", "kill", "-s", "KILL", self.container(service))

    def start(self, service):
        sh("docker", "start", self.container(service))

    def logs(self, service):
        p = sh("docker", "logs", self.container(service), rc=None, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        return p.stdout.decode(errors="replace")

    def psql(self, db, sql, rc=0):
        got = self.exec("postgres", "psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-U", "postgres", "-d", db,
                        "-c", sql, rc=rc).stdout.decode().rstrip("\n")
        return got.split("\n") if got else []

    def end(self):
        self.compose("down", "-v", "--remove-orphans", "-t", "20", rc=None)
