//! COMMAND: the table of commands, for clients.

use super::table::{parent, row};
use super::{Call, Command, Docs, Outcome, Refusal, Run, Where, all};
use crate::protocol::Reply;
use epochkv::Pattern;

const fn docs(summary: &'static str) -> Docs {
    Docs { group: "server", since: "2.8.13", complexity: "O(n)", summary }
}

const PLAIN: &[&str] = &["loading", "stale"];

pub(super) const COMMANDS: &[Command] = &[Command {
    arity: -1,
    run: Run::Subcommands(SUBCOMMANDS),
    ..parent("command", SUBCOMMANDS, docs("Describes the commands."))
}];

const SUBCOMMANDS: &[Command] = &[
    row("command|count", 2, PLAIN, Where::Nowhere, count, docs("Counts the commands.")),
    row("command|docs", -2, PLAIN, Where::Nowhere, describe, docs("Explains commands.")),
    row(
        "command|getkeys",
        -4,
        PLAIN,
        Where::Nowhere,
        getkeys,
        docs("Returns the keys of a request."),
    ),
    row("command|info", -2, PLAIN, Where::Nowhere, info, docs("Describes commands.")),
    row("command|list", -2, PLAIN, Where::Nowhere, list, docs("Returns the names of commands.")),
];

/// COMMAND without a subcommand.
pub(super) fn everything(reply: &mut Reply) {
    reply.array(all().len());
    all().iter().for_each(|command| describe_shape(reply, command));
}

/// The subcommands of a command, for people.
pub(super) fn help(reply: &mut Reply, parent: &Command, subcommands: &[Command]) {
    let name = parent.name.to_ascii_uppercase();
    reply.array(2 * subcommands.len() + 3);
    reply.simple(&format!("{name} <subcommand> [<arg> [value] [opt] ...]. Subcommands are:"));
    for command in subcommands {
        reply.simple(&command.last_name().to_ascii_uppercase());
        reply.simple(&format!("    {}", command.docs.summary));
    }
    reply.simple("HELP");
    reply.simple("    Print this help.");
}

fn count(call: &mut Call<'_>) -> Outcome {
    call.reply.count(all().len());
    Ok(())
}

/// The command of a name such as `get` or `client|id`.
fn find(name: &[u8]) -> Option<&'static Command> {
    let parent = name.split(|byte| *byte == b'|').next().unwrap_or_default();
    let command = super::table::find(parent)?;
    match (command.run, name.get(parent.len() + 1..)) {
        (_, None) => Some(command),
        (Run::Subcommands(subcommands), Some(name)) => super::table::find_in(subcommands, name),
        (Run::Plain(_), Some(_)) => None,
    }
}

fn info(call: &mut Call<'_>) -> Outcome {
    if call.args.len() == 2 {
        everything(call.reply);
        return Ok(());
    }
    call.reply.array(call.args.len() - 2);
    for name in call.args.iter().skip(2) {
        match find(name) {
            Some(command) => describe_shape(call.reply, command),
            None => call.reply.null(),
        }
    }
    Ok(())
}

/// Ten items, as in Redis 7.
fn describe_shape(reply: &mut Reply, command: &Command) {
    let (first, last, step) = match command.keys {
        Where::Nowhere => (0, 0, 0),
        Where::First => (1, 1, 1),
        Where::All => (1, -1, 1),
        Where::EveryOther => (1, -1, 2),
    };
    reply.array(10);
    reply.bulk(command.name.as_bytes());
    reply.int(command.arity);
    reply.set(command.flags.len());
    command.flags.iter().for_each(|flag| reply.simple(flag));
    [first, last, step].into_iter().for_each(|number| reply.int(number));
    let categories = categories(command);
    reply.set(categories.len());
    categories.iter().for_each(|category| reply.simple(category));
    // Hints and further places of keys: none.
    reply.array(0);
    reply.array(0);
    match command.run {
        Run::Plain(_) => reply.array(0),
        Run::Subcommands(subcommands) => {
            reply.array(subcommands.len());
            subcommands.iter().for_each(|command| describe_shape(reply, command));
        }
    }
}

/// The categories of access that follow from what else is known.
fn categories(command: &Command) -> Vec<&'static str> {
    let has = |flag| command.flags.contains(&flag);
    let group = match command.docs.group {
        "string" => Some("@string"),
        "generic" => Some("@keyspace"),
        "connection" => Some("@connection"),
        _ => None,
    };
    let kind = if has("write") { Some("@write") } else { has("readonly").then_some("@read") };
    let admin = has("admin").then_some("@admin");
    let dangerous = (has("admin") || command.name == "keys").then_some("@dangerous");
    let speed = Some(if has("fast") { "@fast" } else { "@slow" });
    [group, kind, admin, dangerous, speed].into_iter().flatten().collect()
}

fn describe(call: &mut Call<'_>) -> Outcome {
    let names = call.args.iter().skip(2);
    let chosen: Vec<&Command> =
        if names.len() == 0 { all().iter().collect() } else { names.filter_map(find).collect() };
    call.reply.map(chosen.len());
    chosen.into_iter().for_each(|command| explain(call.reply, command));
    Ok(())
}

/// A name, and what is to be said about it.
fn explain(reply: &mut Reply, command: &Command) {
    let Docs { group, since, complexity, summary } = command.docs;
    reply.bulk(command.name.as_bytes());
    let facts =
        [("summary", summary), ("since", since), ("group", group), ("complexity", complexity)];
    let subcommands = match command.run {
        Run::Plain(_) => None,
        Run::Subcommands(subcommands) => Some(subcommands),
    };
    reply.map(facts.len() + usize::from(subcommands.is_some()));
    for (name, value) in facts {
        reply.bulk(name.as_bytes());
        reply.bulk(value.as_bytes());
    }
    if let Some(subcommands) = subcommands {
        reply.bulk(b"subcommands");
        reply.map(subcommands.len());
        subcommands.iter().for_each(|command| explain(reply, command));
    }
}

fn list(call: &mut Call<'_>) -> Outcome {
    let filter = call.args.iter().skip(2).collect::<Vec<_>>();
    let is = |text: &[u8], word: &[u8]| text.eq_ignore_ascii_case(word);
    let names: Vec<&str> = match filter.as_slice() {
        [] => all().iter().map(|command| command.name).collect(),
        [by, kind, value] if is(by, b"filterby") && is(kind, b"pattern") => {
            let pattern = Pattern::<[u8]>::new(value);
            let names = all().iter().map(|command| command.name);
            names.filter(|name| pattern.is_match(name.as_bytes())).collect()
        }
        [by, kind, value] if is(by, b"filterby") && is(kind, b"aclcat") => {
            let is_in = |command: &&Command| {
                categories(command).iter().any(|it| is(&it.as_bytes()[1..], value))
            };
            all().iter().filter(is_in).map(|command| command.name).collect()
        }
        [by, kind, _] if is(by, b"filterby") && is(kind, b"module") => Vec::new(),
        _ => return Err(Refusal::SYNTAX),
    };
    call.reply.array(names.len());
    names.iter().for_each(|name| call.reply.bulk(name.as_bytes()));
    Ok(())
}

fn getkeys(call: &mut Call<'_>) -> Outcome {
    let request = call.args.iter().skip(2);
    let command = find(&call.args[2]).ok_or(Refusal::new("ERR Invalid command specified"))?;
    if !command.accepts(request.len()) {
        return Err(Refusal::new("ERR Invalid number of arguments specified for command"));
    }
    let (end, step) = match command.keys {
        Where::Nowhere => {
            return Err(Refusal::new("ERR The command has no key arguments"));
        }
        Where::First => (2, 1),
        Where::All => (usize::MAX, 1),
        Where::EveryOther => (usize::MAX, 2),
    };
    let keys: Vec<_> = request.take(end).skip(1).step_by(step).collect();
    call.reply.array(keys.len());
    keys.into_iter().for_each(|key| call.reply.bulk(key));
    Ok(())
}
