//! A real Chromium, driven over its pipe (`--remote-debugging-pipe`): no port, no driver, nothing to install beside it.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use serde_json::{Value, json};

use super::process::{DEADLINE, command};

/// A browser with one page; it ends with its value.
pub(crate) struct Browser {
    child: Child,
    to: ChildStdin,
    from: Receiver<Value>,
    next: u64,
    session: String,
    /// What the page complained about: errors of the console, of scripts, of what could not be loaded.
    pub(crate) complaints: Vec<String>,
}

impl Browser {
    /// Starts it with a profile of its own.
    pub(crate) fn start(profile: &Path) -> Self {
        // The pipe is expected at the handles 3 and 4.
        let mut child = command("/bin/sh")
            .args(["-c", "exec /usr/bin/chromium \"$@\" 3<&0 4>&1 </dev/null >/dev/null 2>&1", "sh"])
            .args([
                "--headless",
                "--remote-debugging-pipe",
                "--no-sandbox",
                "--disable-gpu",
                "--no-first-run",
            ])
            .args([
                "--disable-background-networking",
                "--disable-component-update",
                "--disable-sync",
                "--hide-scrollbars",
            ])
            .arg(format!("--user-data-dir={}", profile.display()))
            .arg("about:blank")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (to, out) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let (sender, from) = channel();
        std::thread::spawn(move || {
            let mut out = BufReader::new(out);
            let mut message = Vec::new();
            while out.read_until(0, &mut message).is_ok_and(|read| read > 0) {
                message.pop();
                if sender.send(serde_json::from_slice(&message).unwrap()).is_err() {
                    break;
                }
                message.clear();
            }
        });
        let mut browser = Self { child, to, from, next: 0, session: String::new(), complaints: Vec::new() };
        let target =
            browser.call("Target.createTarget", &json!({ "url": "about:blank" }))["targetId"].clone();
        let attached = browser.call("Target.attachToTarget", &json!({ "targetId": target, "flatten": true }));
        attached["sessionId"].as_str().unwrap().clone_into(&mut browser.session);
        for domain in ["Page", "Runtime", "Log", "Accessibility"] {
            browser.call(&format!("{domain}.enable"), &json!({}));
        }
        // As if its window were in front: otherwise nothing ever has the focus.
        browser.call("Emulation.setFocusEmulationEnabled", &json!({ "enabled": true }));
        browser
    }

    /// Sends a command and waits for its answer.
    pub(crate) fn call(&mut self, method: &str, parameters: &Value) -> Value {
        let answer = self.send(method, parameters);
        assert!(answer["error"].is_null(), "{method}: {answer}");
        answer["result"].clone()
    }

    fn send(&mut self, method: &str, parameters: &Value) -> Value {
        self.next += 1;
        let id = self.next;
        let mut message = json!({ "id": id, "method": method, "params": parameters });
        if !self.session.is_empty() {
            message["sessionId"] = self.session.clone().into();
        }
        self.to.write_all(message.to_string().as_bytes()).unwrap();
        self.to.write_all(&[0]).unwrap();
        loop {
            let answer = self.receive(method);
            if answer["id"] == id {
                return answer;
            }
        }
    }

    fn receive(&mut self, waiting_for: &str) -> Value {
        let message = self.from.recv_timeout(DEADLINE);
        let message = message.unwrap_or_else(|error| panic!("{waiting_for}: {error}"));
        self.note(&message);
        message
    }

    /// Keeps what the page complains about.
    fn note(&mut self, message: &Value) {
        let parameters = &message["params"];
        match message["method"].as_str() {
            Some("Log.entryAdded") => self.complaints.push(parameters["entry"].to_string()),
            Some("Runtime.exceptionThrown") => self.complaints.push(parameters.to_string()),
            Some("Runtime.consoleAPICalled") => self.complaints.push(parameters["args"].to_string()),
            _ => {}
        }
    }

    /// Opens an address and waits until everything is loaded.
    pub(crate) fn visit(&mut self, address: &str) {
        let opened = self.call("Page.navigate", &json!({ "url": address }));
        assert!(opened["errorText"].is_null(), "{address}: {opened}");
        self.until("document.readyState === 'complete' && location.href !== 'about:blank'");
    }

    /// The value of an expression on the page.
    pub(crate) fn evaluate(&mut self, expression: &str) -> Value {
        let parameters = json!({ "expression": expression, "returnByValue": true, "awaitPromise": true });
        let answer = self.call("Runtime.evaluate", &parameters);
        assert!(answer["exceptionDetails"].is_null(), "{expression}: {answer}");
        answer["result"]["value"].clone()
    }

    /// Waits until an expression is true; while one page takes the place of another nothing is.
    pub(crate) fn until(&mut self, expression: &str) {
        let until = std::time::Instant::now() + DEADLINE;
        let parameters = json!({ "expression": expression, "returnByValue": true });
        while self.send("Runtime.evaluate", &parameters)["result"]["result"]["value"] != true {
            assert!(std::time::Instant::now() < until, "waited in vain until {expression}");
            // Between two questions the browser gets the time it needs.
            if let Ok(message) = self.from.recv_timeout(Duration::from_millis(20)) {
                self.note(&message);
            }
        }
    }

    /// How wide the window is, and which colours are liked.
    pub(crate) fn look(&mut self, width: u32, theme: &str) {
        let size = json!({ "width": width, "height": 900, "deviceScaleFactor": 1, "mobile": false });
        self.call("Emulation.setDeviceMetricsOverride", &size);
        let likes = json!([{ "name": "prefers-color-scheme", "value": theme }]);
        self.call("Emulation.setEmulatedMedia", &json!({ "media": "screen", "features": likes }));
    }

    /// Presses the tabulator.
    pub(crate) fn tab(&mut self) {
        for kind in ["rawKeyDown", "keyUp"] {
            let key = json!({ "type": kind, "key": "Tab", "code": "Tab", "windowsVirtualKeyCode": 9 });
            self.call("Input.dispatchKeyEvent", &key);
        }
    }

    /// What a screen reader is given: role, name and level of every node.
    pub(crate) fn heard(&mut self) -> Vec<(String, String, i64)> {
        let tree = self.call("Accessibility.getFullAXTree", &json!({}));
        let nodes = tree["nodes"].as_array().unwrap().iter().filter(|node| node["ignored"] != true);
        let value = |node: &Value, key: &str| node[key]["value"].as_str().unwrap_or_default().to_owned();
        let level = |node: &Value| {
            let properties = node["properties"].as_array();
            let level = properties.and_then(|all| all.iter().find(|property| property["name"] == "level"));
            level.and_then(|level| level["value"]["value"].as_i64()).unwrap_or_default()
        };
        nodes.map(|node| (value(node, "role"), value(node, "name"), level(node))).collect()
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // Closing the pipe would do; killing does not wait.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
