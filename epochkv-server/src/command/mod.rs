//! The commands: one table, and how a request finds its row.

mod connection;
mod counters;
mod docs;
mod expiry;
mod info;
mod keyspace;
mod server;
mod set;
mod strings;
mod table;

use crate::client::Client;
use crate::protocol::{Args, Reply};
use crate::shared::Shared;
use epochkv::ErrorKind;
use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

pub(crate) use table::all;

/// A row of the table: a command, or a subcommand, whose name is then `parent|name`.
#[derive(Clone, Copy)]
pub(crate) struct Command {
    /// In lower case.
    pub(crate) name: &'static str,
    /// The number of arguments with the name; if negative, at least so many.
    pub(crate) arity: i64,
    pub(crate) flags: &'static [&'static str],
    pub(crate) keys: Where,
    pub(crate) docs: Docs,
    pub(crate) run: Run,
}

/// Which arguments are keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Where {
    Nowhere,
    /// The first.
    First,
    /// All.
    All,
    /// Every other.
    EveryOther,
}

/// What COMMAND DOCS tells.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Docs {
    pub(crate) group: &'static str,
    /// The first version of Redis that has it.
    pub(crate) since: &'static str,
    pub(crate) complexity: &'static str,
    pub(crate) summary: &'static str,
}

/// What a command does.
#[derive(Clone, Copy)]
pub(crate) enum Run {
    Plain(fn(&mut Call<'_>) -> Outcome),
    /// The second argument names a subcommand.
    Subcommands(&'static [Command]),
}

impl fmt::Debug for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Command").field("name", &self.name).finish_non_exhaustive()
    }
}

/// What a connection is to the commands.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) client: Arc<Client>,
    pub(crate) replies: Replies,
    /// Whether the connection ends after this command.
    pub(crate) is_over: bool,
}

/// Which replies the client wants to see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Replies {
    All,
    None,
    /// All but the next one.
    AllButNext,
}

/// A command that is being carried out.
pub(crate) struct Call<'a> {
    pub(crate) args: Args<'a>,
    pub(crate) shared: &'a Shared,
    pub(crate) session: &'a mut Session,
    pub(crate) reply: &'a mut Reply,
}

/// A command either replies, or is refused and has done nothing.
pub(crate) type Outcome = Result<(), Refusal>;

/// The text of an error reply, code first.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Refusal(Cow<'static, [u8]>);

impl Refusal {
    pub(crate) const SYNTAX: Self = Self::new("ERR syntax error");
    pub(crate) const NOT_AN_INTEGER: Self =
        Self::new("ERR value is not an integer or out of range");
    pub(crate) const NOT_A_FLOAT: Self = Self::new("ERR value is not a valid float");

    pub(crate) const fn new(text: &'static str) -> Self {
        Self(Cow::Borrowed(text.as_bytes()))
    }

    pub(crate) fn text(&self) -> &[u8] {
        &self.0
    }

    fn arity(name: &str) -> Self {
        format!("ERR wrong number of arguments for '{name}' command").into()
    }

    /// One that repeats what the client sent, between two texts.
    fn about(before: &str, sent: &[u8], after: &str) -> Self {
        [before.as_bytes(), shown(sent), after.as_bytes()].concat().into()
    }
}

impl From<String> for Refusal {
    fn from(text: String) -> Self {
        Self(Cow::Owned(text.into_bytes()))
    }
}

impl From<Vec<u8>> for Refusal {
    fn from(text: Vec<u8>) -> Self {
        Self(Cow::Owned(text))
    }
}

impl From<epochkv::Error> for Refusal {
    fn from(error: epochkv::Error) -> Self {
        match error.kind() {
            ErrorKind::NotAnInteger => Self::NOT_AN_INTEGER,
            ErrorKind::Overflow => Self::new("ERR increment or decrement would overflow"),
            _ => format!("ERR {error}").into(),
        }
    }
}

impl Call<'_> {
    /// Carries out the request. Returns the command, if there is one of that name.
    pub(crate) fn run(&mut self) -> Option<&'static Command> {
        let (command, outcome) = match self.find() {
            Ok(command) => match command.run {
                Run::Plain(run) => (Some(command), run(self)),
                Run::Subcommands(subcommands) => {
                    self.run_parent(command, subcommands);
                    (Some(command), Ok(()))
                }
            },
            Err(refusal) => (None, Err(refusal)),
        };
        if let Err(refusal) = outcome {
            self.shared.figures.errors.add(1);
            self.reply.error(refusal.text());
        }
        command
    }

    /// The row of the table for this request, whose number of arguments fits.
    fn find(&self) -> Result<&'static Command, Refusal> {
        let args = self.args;
        let command = table::find(&args[0]).ok_or_else(|| self.unknown())?;
        let command = match (command.run, args.get(1)) {
            (Run::Subcommands(_), Some(name)) if is_help(args.len(), name) => command,
            (Run::Subcommands(subcommands), Some(name)) => table::find_in(subcommands, name)
                .ok_or_else(|| unknown_subcommand(command, name))?,
            _ => command,
        };
        if !command.accepts(args.len()) {
            return Err(Refusal::arity(command.name));
        }
        Ok(command)
    }

    /// A command with subcommands of which none is named: HELP, or COMMAND alone.
    fn run_parent(&mut self, command: &Command, subcommands: &[Command]) {
        match self.args.len() {
            1 => docs::everything(self.reply),
            _ => docs::help(self.reply, command, subcommands),
        }
    }

    fn unknown(&self) -> Refusal {
        /// Bytes of the request that the error repeats.
        const SHOWN: usize = 128;

        let mut args = Vec::new();
        for arg in self.args.iter().skip(1) {
            if args.len() >= SHOWN {
                break;
            }
            args.push(b'\'');
            args.extend(first(SHOWN - args.len() + 1, shown(arg)));
            args.extend(b"' ");
        }
        let name = first(SHOWN, shown(&self.args[0]));
        [b"ERR unknown command '", name, b"', with args beginning with: ", &args].concat().into()
    }
}

/// The part of an argument that an error repeats: Redis writes it as a string of C, which ends
/// at a zero byte.
fn shown(sent: &[u8]) -> &[u8] {
    sent.split(|byte| *byte == 0).next().unwrap_or_default()
}

fn first(len: usize, text: &[u8]) -> &[u8] {
    &text[..text.len().min(len)]
}

fn is_help(args: usize, name: &[u8]) -> bool {
    args == 2 && name.eq_ignore_ascii_case(b"help")
}

fn unknown_subcommand(parent: &Command, name: &[u8]) -> Refusal {
    let parent = parent.name.to_ascii_uppercase();
    let hint = format!("'. Try {parent} HELP.");
    Refusal::about("ERR unknown subcommand '", first(128, name), &hint)
}

impl Command {
    fn accepts(&self, args: usize) -> bool {
        let args = i64::try_from(args).unwrap_or(i64::MAX);
        if self.arity < 0 { args >= -self.arity } else { args == self.arity }
    }

    /// The name of a subcommand without that of its parent.
    pub(crate) fn last_name(&self) -> &'static str {
        self.name.rsplit('|').next().unwrap_or(self.name)
    }
}

/// An integer argument.
fn int(text: &[u8]) -> Result<i64, Refusal> {
    crate::number::parse(text).ok_or(Refusal::NOT_AN_INTEGER)
}
