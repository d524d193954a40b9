//! One command for the engine, on one key.

use crate::script::Script;
use crate::slots;
use redis::{Arg, Cmd};

/// A command, where it goes, and what is known about sending it twice.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) cmd: Cmd,
    /// Which argument is the key.
    key_at: usize,
    /// Whether it changes anything. If not, it may be sent again when its answer is lost.
    pub(crate) writes: bool,
    script: Option<&'static Script>,
}

impl Request {
    /// A command that only reads. The name of the command may be several words.
    pub(crate) fn read(name: &str, key: &[u8]) -> Self {
        Self::new(name, key, false)
    }

    /// A command that writes.
    pub(crate) fn write(name: &str, key: &[u8]) -> Self {
        Self::new(name, key, true)
    }

    fn new(name: &str, key: &[u8], writes: bool) -> Self {
        let mut cmd = redis::cmd(name);
        cmd.arg(key);
        Self { cmd, key_at: 1, writes, script: None }
    }

    /// A script that only reads.
    pub(crate) fn read_by(script: &'static Script, key: &[u8]) -> Self {
        Self::by(script, key, false)
    }

    /// A script that writes.
    pub(crate) fn write_by(script: &'static Script, key: &[u8]) -> Self {
        Self::by(script, key, true)
    }

    fn by(script: &'static Script, key: &[u8], writes: bool) -> Self {
        let mut cmd = redis::cmd("EVALSHA");
        cmd.arg(&script.hash).arg(1).arg(key);
        Self { cmd, key_at: 3, writes, script: Some(script) }
    }

    /// Adds an argument.
    pub(crate) fn arg(mut self, arg: impl AsRef<[u8]>) -> Self {
        self.cmd.arg(arg.as_ref());
        self
    }

    /// The slot of a cluster that its key is in.
    pub(crate) fn slot(&self) -> u16 {
        arguments(&self.cmd).nth(self.key_at).map_or(0, slots::slot_of)
    }

    /// The bytes of all arguments.
    pub(crate) fn len(&self) -> usize {
        arguments(&self.cmd).map(<[u8]>::len).sum()
    }

    /// Sends the text of the script, after the engine has said that it does not know its
    /// name. Whether there is a script, and its text was not sent yet.
    pub(crate) fn send_text(&mut self) -> bool {
        let Some(script) = self.script.take() else {
            return false;
        };
        let mut cmd = redis::cmd("EVAL");
        cmd.arg(script.text);
        arguments(&self.cmd).skip(2).for_each(|arg| _ = cmd.arg(arg));
        self.cmd = cmd;
        true
    }
}

fn arguments(cmd: &Cmd) -> impl Iterator<Item = &[u8]> {
    cmd.args_iter().filter_map(|arg| match arg {
        Arg::Simple(bytes) => Some(bytes),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::{Request, arguments};
    use crate::script::ENTRY;
    use crate::slots;

    #[test]
    fn a_script_is_sent_by_name_and_then_once_by_text() {
        let mut request = Request::read_by(&ENTRY, b"key").arg("more");
        let by_name: Vec<_> = arguments(&request.cmd).map(<[u8]>::to_vec).collect();
        assert_eq!(by_name[0], b"EVALSHA");
        let slot = slots::slot_of(b"key");
        assert_eq!([request.slot(), Request::read("GET", b"key").slot()], [slot; 2]);
        assert!(request.send_text());
        assert_eq!(request.slot(), slot);
        let by_text: Vec<_> = arguments(&request.cmd).map(<[u8]>::to_vec).collect();
        assert_eq!((&by_text[0][..], &by_text[1][..]), (&b"EVAL"[..], ENTRY.text.as_bytes()));
        assert_eq!(by_text[2..], by_name[2..]);
        assert!(!request.send_text());
        assert!(!Request::read("GET", b"key").send_text());
    }
}
