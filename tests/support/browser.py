"""browser.py - a headless Chromium, spoken to over a pipe in its own protocol (DevTools).

No driver and no port: the browser reads commands from descriptor 3 and writes answers and events to
descriptor 4, JSON texts with a NUL byte behind each.
"""
import json, os, select, shutil, subprocess, time

FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-dev-shm-usage",
         "--disable-background-networking", "--disable-component-update", "--disable-sync", "--remote-debugging-pipe"]


def find():
    return shutil.which("chromium") or shutil.which("chromium-browser")


class Browser:
    def __init__(self, directory):
        to_read, self.to = os.pipe()
        self.of, of_write = os.pipe()

        def descriptors():
            os.dup2(to_read, 103), os.dup2(of_write, 104)
            os.dup2(103, 3), os.dup2(104, 4)
        self.process = subprocess.Popen([find()] + FLAGS + ["--user-data-dir=" + directory, "about:blank"], pass_fds=(3, 4),
                                        preexec_fn=descriptors, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        os.close(to_read), os.close(of_write)
        self.bytes, self.number, self.session, self.events = b"", 0, None, []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Network", "Runtime", "Log"):
            self.call(domain + ".enable")

    def message(self, seconds):
        end = time.monotonic() + seconds
        while b"\0" not in self.bytes:
            if not select.select([self.of], [], [], max(0, end - time.monotonic()))[0]:
                raise TimeoutError("the browser says nothing for %g s" % seconds)
            got = os.read(self.of, 1 << 16)
            if not got:
                raise EOFError("the browser ended with %s" % self.process.wait())
            self.bytes += got
        text, self.bytes = self.bytes.split(b"\0", 1)
        return json.loads(text)

    def call(self, method, **params):
        self.number += 1
        call = {"id": self.number, "method": method, "params": params}
        if self.session:
            call["sessionId"] = self.session
        os.write(self.to, json.dumps(call).encode() + b"\0")
        while True:
            got = self.message(60)
            if got.get("id") == self.number:
                if "error" in got:
                    raise RuntimeError("%s: %s" % (method, got["error"]))
                return got["result"]
            if "method" in got:
                self.events.append(got)

    def evaluate(self, expression):
        got = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in got:
            raise RuntimeError("%s: %s" % (expression, got["exceptionDetails"]))
        return got["result"].get("value")

    def key(self, key, code, text=None, modifiers=0):
        more = {"text": text} if text else {}
        self.call("Input.dispatchKeyEvent", type="keyDown", key=key, code=key, windowsVirtualKeyCode=code, modifiers=modifiers, **more)
        self.call("Input.dispatchKeyEvent", type="keyUp", key=key, code=key, windowsVirtualKeyCode=code, modifiers=modifiers)

    def picture(self, path):
        import base64
        with open(path, "wb") as f:
            f.write(base64.b64decode(self.call("Page.captureScreenshot", captureBeyondViewport=True)["data"]))

    def end(self):
        if self.process.poll() is None:
            try:
                self.session = None
                self.call("Browser.close")
                self.process.wait(20)
            except Exception:
                self.process.kill()
                self.process.wait()
        for fd in (self.to, self.of):
            os.close(fd)
