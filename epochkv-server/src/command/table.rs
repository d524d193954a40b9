//! The table of all commands.

use super::{Call, connection, counters, docs, expiry, info, keyspace, server, set, strings};
use super::{Command, Docs, Outcome, Run, Where};
use std::sync::LazyLock;

/// The rows, as they stand in the modules.
const ROWS: [&[Command]; 9] = [
    connection::COMMANDS,
    counters::COMMANDS,
    docs::COMMANDS,
    expiry::COMMANDS,
    info::COMMANDS,
    keyspace::COMMANDS,
    server::COMMANDS,
    set::COMMANDS,
    strings::COMMANDS,
];

static TABLE: LazyLock<Vec<Command>> = LazyLock::new(|| {
    let mut table = ROWS.concat();
    table.sort_unstable_by_key(|command| command.name);
    table
});

/// All commands, in the order of their names.
pub(crate) fn all() -> &'static [Command] {
    &TABLE
}

/// The command of this name, in whatever case.
pub(super) fn find(name: &[u8]) -> Option<&'static Command> {
    /// More than the longest name has.
    const LONGEST: usize = 32;

    let mut lower = [0; LONGEST];
    let lower = lower.get_mut(..name.len())?;
    lower.copy_from_slice(name);
    lower.make_ascii_lowercase();
    let found = TABLE.binary_search_by(|command| command.name.as_bytes().cmp(lower));
    found.ok().map(|index| &TABLE[index])
}

/// The subcommand of this name, in whatever case.
pub(super) fn find_in(commands: &'static [Command], name: &[u8]) -> Option<&'static Command> {
    commands.iter().find(|it| it.last_name().as_bytes().eq_ignore_ascii_case(name))
}

/// A row for a command that runs `run`.
pub(super) const fn row(
    name: &'static str,
    arity: i64,
    flags: &'static [&'static str],
    keys: Where,
    run: fn(&mut Call<'_>) -> Outcome,
    docs: Docs,
) -> Command {
    Command { name, arity, flags, keys, docs, run: Run::Plain(run) }
}

/// A row for a command that has subcommands.
pub(super) const fn parent(
    name: &'static str,
    subcommands: &'static [Command],
    docs: Docs,
) -> Command {
    let run = Run::Subcommands(subcommands);
    Command { name, arity: -2, flags: &[], keys: Where::Nowhere, docs, run }
}

#[cfg(test)]
mod tests {
    use super::{Command, Run, all, find};

    fn check(command: &Command) {
        assert_eq!(command.name, command.name.to_ascii_lowercase());
        assert!(command.arity != 0 && command.name.len() < 32, "{}", command.name);
        assert!(command.docs.summary.ends_with('.'), "{}", command.name);
        if let Run::Subcommands(subcommands) = command.run {
            for subcommand in subcommands {
                let parent = subcommand.name.strip_suffix(subcommand.last_name());
                assert_eq!(parent, Some(format!("{}|", command.name).as_str()));
                check(subcommand);
            }
        }
    }

    #[test]
    fn every_row_is_whole_and_found_by_its_name_alone() {
        let table = all();
        assert!(table.windows(2).all(|pair| pair[0].name < pair[1].name), "a name stands twice");
        for command in table {
            check(command);
            for name in [command.name.to_owned(), command.name.to_ascii_uppercase()] {
                assert_eq!(find(name.as_bytes()).unwrap().name, command.name);
            }
        }
        for name in ["", "ge", "gett", "a name that is longer than any other there can be"] {
            assert!(find(name.as_bytes()).is_none(), "{name}");
        }
    }
}
