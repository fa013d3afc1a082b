"""postgres.py - a PostgreSQL cluster of its own for a suite, out of the Debian package.

The system's clusters are left alone: own directory, own port on loopback, own socket.  Started
by root it runs as user postgres, since initdb refuses root.
"""
import glob, os, pwd, random, shutil, signal, subprocess, tempfile

from harness import Failed, sh, wait_for


def binaries():
    found = sorted(glob.glob("/usr/lib/postgresql/*/bin/initdb"))
    if not found:
        raise Failed("there is no PostgreSQL: install the Debian package postgresql")
    return os.path.dirname(found[-1]) + "/"


def parent(pid):
    try:
        with open("/proc/%s/stat" % pid) as f:
            return int(f.read().rsplit(")", 1)[1].split()[1])
    except OSError:
        return None


class Postgres:
    def __init__(self):
        self.dir = tempfile.mkdtemp(prefix="flight-pg-")
        self.bin, self.data = binaries(), self.dir + "/data"
        self.as_user = []
        if os.getuid() == 0:
            user = pwd.getpwnam("postgres")
            os.chown(self.dir, user.pw_uid, user.pw_gid)
            self.as_user = ["setpriv", "--reuid", "postgres", "--regid", "postgres", "--init-groups"]
        os.chmod(self.dir, 0o711)
        self.port = 25000 + random.randrange(2000) * 2
        self.pg("initdb", "-D", self.data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "-N")
        self.configure("listen_addresses = '127.0.0.1'", "unix_socket_directories = '%s'" % self.dir,
                       "fsync = off", "max_connections = 40", "shared_buffers = 32MB")

    def give(self, path):
        """The server refuses a key that others can read."""
        if self.as_user:
            user = pwd.getpwnam("postgres")
            os.chown(path, user.pw_uid, user.pw_gid)
        os.chmod(path, 0o600)

    def allow(self, *lines):
        """Instead of trust for all: who may come how."""
        with open(self.data + "/pg_hba.conf", "w") as f:
            f.write("".join(line + "\n" for line in lines))

    def reload(self):
        self.pg("pg_ctl", "-D", self.data, "reload")

    def pg(self, program, *args, rc=0):
        with open(self.dir + ".out", "w+b") as out:  # not a pipe: the server keeps what it inherits
            p = sh(*self.as_user, self.bin + program, *args, rc=None, stdout=out, stderr=out, cwd="/")
            out.seek(0)
            text = out.read().decode(errors="replace")
        os.unlink(self.dir + ".out")
        if rc is not None and p.returncode != rc:
            raise Failed("%s: exit %d: %s" % (program, p.returncode, text[-1500:]))
        return text

    def configure(self, *lines):
        with open(self.data + "/postgresql.conf", "a") as f:
            f.write("".join(line + "\n" for line in lines))

    def start(self):
        for attempt in range(3):
            try:
                self.pg("pg_ctl", "-D", self.data, "-w", "-o", "-p %d" % self.port, "-l", self.dir + "/log", "start")
                return
            except Failed:
                if attempt == 2:
                    raise
                self.port = 25000 + random.randrange(2000) * 2

    def pid(self):
        with open(self.data + "/postmaster.pid") as f:
            return int(f.readline())

    def restart(self):
        """On the same port, after kill()."""
        def up():
            return "server started" in self.pg("pg_ctl", "-D", self.data, "-w", "-o", "-p %d" % self.port,
                                               "-l", self.dir + "/log", "start", rc=None)
        wait_for("the server", 30, up)

    def kill(self):
        """kill -9 of the server: its first process and the children of that."""
        first = self.pid()
        family = [first] + [int(p) for p in os.listdir("/proc") if p.isdigit() and parent(p) == first]
        for pid in family:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass

    def stop(self):
        self.pg("pg_ctl", "-D", self.data, "-m", "immediate", "stop", rc=None)
        shutil.rmtree(self.dir, ignore_errors=True)

    def psql(self, sql, db="postgres", rc=0):
        p = sh(self.bin + "psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-h", self.dir, "-p",
               self.port, "-U", "postgres", "-d", db, "-c", sql, rc=rc)
        return p.stdout.decode().rstrip("\n")

    def rows(self, sql, db="postgres"):
        text = self.psql(sql, db)
        return text.split("\n") if text else []

    def url(self, db="postgres", params="", host="127.0.0.1"):
        return "jdbc:postgresql://%s:%d/%s%s" % (host, self.port, db, params)
