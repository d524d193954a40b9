//! The connection itself: who is there, and how both speak.

use super::table::{parent, row};
use super::{Call, Command, Docs, Outcome, Refusal, Replies, Where, int};
use crate::client::Client;
use crate::number;
use crate::protocol::Version;
use std::sync::Arc;

const fn docs(since: &'static str, summary: &'static str) -> Docs {
    Docs { group: "connection", since, complexity: "O(1)", summary }
}

const QUICK: &[&str] = &["loading", "stale", "fast"];
const ADMIN: &[&str] = &["admin", "loading", "stale"];
const PLAIN: &[&str] = &["loading", "stale"];

pub(super) const COMMANDS: &[Command] = &[
    row(
        "ping",
        -1,
        &["fast"],
        Where::Nowhere,
        ping,
        docs("1.0.0", "Replies PONG, or what it is given."),
    ),
    row("echo", 2, QUICK, Where::Nowhere, echo, docs("1.0.0", "Replies what it is given.")),
    row(
        "select",
        2,
        QUICK,
        Where::Nowhere,
        select,
        docs("1.0.0", "Selects a database; there is one, 0."),
    ),
    row(
        "hello",
        -1,
        &["noauth", "loading", "stale", "fast"],
        Where::Nowhere,
        hello,
        docs("6.0.0", "Changes the version of the protocol."),
    ),
    row(
        "auth",
        -2,
        &["noauth", "loading", "stale", "fast"],
        Where::Nowhere,
        auth,
        docs("1.0.0", "Lets in the default user, whatever the password."),
    ),
    row(
        "quit",
        -1,
        &["noauth", "loading", "stale", "fast"],
        Where::Nowhere,
        quit,
        docs("1.0.0", "Ends the connection."),
    ),
    row(
        "reset",
        1,
        &["noauth", "loading", "stale", "fast"],
        Where::Nowhere,
        reset,
        docs("6.2.0", "Makes the connection as it was at first."),
    ),
    parent("client", CLIENT, docs("2.4.0", "Commands about connections.")),
];

const CLIENT: &[Command] = &[
    row(
        "client|id",
        2,
        PLAIN,
        Where::Nowhere,
        id,
        docs("5.0.0", "Returns the number of the connection."),
    ),
    row(
        "client|getname",
        2,
        PLAIN,
        Where::Nowhere,
        getname,
        docs("2.6.9", "Returns the name of the connection."),
    ),
    row(
        "client|setname",
        3,
        PLAIN,
        Where::Nowhere,
        setname,
        docs("2.6.9", "Names the connection."),
    ),
    row(
        "client|setinfo",
        4,
        PLAIN,
        Where::Nowhere,
        setinfo,
        docs("7.2.0", "Notes name or version of the client's library."),
    ),
    row(
        "client|info",
        2,
        PLAIN,
        Where::Nowhere,
        client_info,
        docs("6.2.0", "Describes the connection."),
    ),
    row("client|list", -2, ADMIN, Where::Nowhere, list, docs("2.4.0", "Describes connections.")),
    row("client|kill", -3, ADMIN, Where::Nowhere, kill, docs("2.4.0", "Ends connections.")),
    row(
        "client|reply",
        3,
        PLAIN,
        Where::Nowhere,
        reply,
        docs("3.2.0", "Says which replies are wanted."),
    ),
    row(
        "client|no-evict",
        3,
        ADMIN,
        Where::Nowhere,
        no_evict,
        docs("7.0.0", "Does nothing: no connection is evicted."),
    ),
    row(
        "client|no-touch",
        3,
        PLAIN,
        Where::Nowhere,
        no_evict,
        docs("7.2.0", "Does nothing: reading leaves no trace."),
    ),
];

fn ping(call: &mut Call<'_>) -> Outcome {
    match (call.args.len(), call.args.get(1)) {
        (1, _) => call.reply.simple("PONG"),
        (2, Some(text)) => call.reply.bulk(text),
        _ => return Err(Refusal::arity("ping")),
    }
    Ok(())
}

fn echo(call: &mut Call<'_>) -> Outcome {
    call.reply.bulk(&call.args[1]);
    Ok(())
}

fn select(call: &mut Call<'_>) -> Outcome {
    match number::parse(&call.args[1]).map(i32::try_from) {
        Some(Ok(0)) => {
            call.reply.ok();
            Ok(())
        }
        Some(Ok(_)) => Err(Refusal::new("ERR DB index is out of range")),
        Some(Err(_)) => Err(Refusal::new(
            "ERR value is out of range, value must between -2147483648 and 2147483647",
        )),
        None => Err(Refusal::NOT_AN_INTEGER),
    }
}

fn hello(call: &mut Call<'_>) -> Outcome {
    let mut options = call.args.iter().skip(1);
    let version = match options.next().map(number::parse) {
        None => call.reply.version(),
        Some(Some(2)) => Version::Resp2,
        Some(Some(3)) => Version::Resp3,
        Some(Some(_)) => return Err(Refusal::new("NOPROTO unsupported protocol version")),
        Some(None) => {
            let text = "ERR Protocol version is not an integer or out of range";
            return Err(Refusal::new(text));
        }
    };
    let mut name = None;
    while let Some(option) = options.next() {
        if option.eq_ignore_ascii_case(b"auth") && options.len() >= 2 {
            check_user(options.next().unwrap_or_default())?;
            options.next();
        } else if option.eq_ignore_ascii_case(b"setname") && options.len() >= 1 {
            name = Some(checked_name(options.next().unwrap_or_default())?);
        } else {
            return Err(Refusal::about("ERR Syntax error in HELLO option '", option, "'"));
        }
    }
    if let Some(name) = name {
        call.session.client.details().name = name;
    }
    call.speak(version);
    call.reply.map(7);
    call.reply.bulk(b"server");
    call.reply.bulk(b"redis");
    call.reply.bulk(b"version");
    call.reply.bulk(super::info::REDIS_VERSION.as_bytes());
    call.reply.bulk(b"proto");
    call.reply.int(if version == Version::Resp3 { 3 } else { 2 });
    call.reply.bulk(b"id");
    call.reply.int(number_of(&call.session.client));
    call.reply.bulk(b"mode");
    call.reply.bulk(b"standalone");
    call.reply.bulk(b"role");
    call.reply.bulk(b"master");
    call.reply.bulk(b"modules");
    call.reply.array(0);
    Ok(())
}

fn number_of(client: &Client) -> i64 {
    i64::try_from(client.id).unwrap_or(i64::MAX)
}

impl Call<'_> {
    fn speak(&mut self, version: Version) {
        self.reply.set_version(version);
        self.session.client.details().version = version;
    }
}

/// There is one user, without a password.
fn check_user(name: &[u8]) -> Outcome {
    if name == b"default" {
        return Ok(());
    }
    Err(Refusal::new("WRONGPASS invalid username-password pair or user is disabled."))
}

fn auth(call: &mut Call<'_>) -> Outcome {
    match call.args.len() {
        2 => Err(Refusal::new(
            "ERR AUTH <password> called without any password configured for the default user. \
             Are you sure your configuration is correct?",
        )),
        3 => {
            check_user(&call.args[1])?;
            call.reply.ok();
            Ok(())
        }
        _ => Err(Refusal::SYNTAX),
    }
}

fn quit(call: &mut Call<'_>) -> Outcome {
    call.session.is_over = true;
    call.reply.ok();
    Ok(())
}

fn reset(call: &mut Call<'_>) -> Outcome {
    call.speak(Version::Resp2);
    call.session.client.details().name.clear();
    call.session.replies = Replies::All;
    call.reply.simple("RESET");
    Ok(())
}

fn id(call: &mut Call<'_>) -> Outcome {
    call.reply.int(number_of(&call.session.client));
    Ok(())
}

fn getname(call: &mut Call<'_>) -> Outcome {
    let name = call.session.client.details().name.clone();
    if name.is_empty() {
        call.reply.null()
    } else {
        call.reply.bulk(name.as_bytes())
    }
    Ok(())
}

fn setname(call: &mut Call<'_>) -> Outcome {
    let name = checked_name(&call.args[2])?;
    call.session.client.details().name = name;
    call.reply.ok();
    Ok(())
}

/// A name that does not break the lines of CLIENT LIST.
fn checked_name(name: &[u8]) -> Result<String, Refusal> {
    plain(name).ok_or(Refusal::new(
        "ERR Client names cannot contain spaces, newlines or special characters.",
    ))
}

fn plain(text: &[u8]) -> Option<String> {
    let text = text.iter().all(u8::is_ascii_graphic).then_some(text)?;
    String::from_utf8(text.to_vec()).ok()
}

fn setinfo(call: &mut Call<'_>) -> Outcome {
    let option = &call.args[2];
    let value = plain(&call.args[3]).ok_or_else(|| {
        Refusal::about("ERR ", option, " cannot contain spaces, newlines or special characters.")
    });
    match option.to_ascii_lowercase().as_slice() {
        b"lib-name" => call.session.client.details().library = value?,
        b"lib-ver" => call.session.client.details().library_version = value?,
        _ => return Err(Refusal::about("ERR Unrecognized option '", option, "'")),
    }
    call.reply.ok();
    Ok(())
}

fn client_info(call: &mut Call<'_>) -> Outcome {
    let mut text = String::new();
    call.session.client.describe(&mut text);
    call.reply.verbatim(&text);
    Ok(())
}

fn list(call: &mut Call<'_>) -> Outcome {
    let all = call.shared.clients.all();
    let args = call.args;
    let option = |name: &[u8]| args.get(2).is_some_and(|it| it.eq_ignore_ascii_case(name));
    let chosen: Vec<Arc<Client>> = match args.len() {
        2 => all,
        4 if option(b"type") => match is_normal(&args[3])? {
            true => all,
            false => Vec::new(),
        },
        4.. if option(b"id") => {
            let ids = args.iter().skip(3).map(number::parse).collect::<Option<Vec<_>>>();
            let ids = ids.ok_or(Refusal::new("ERR Invalid client ID"))?;
            let find = |id: &i64| all.iter().find(|it| number_of(it) == *id).cloned();
            ids.iter().filter_map(find).collect()
        }
        _ => return Err(Refusal::SYNTAX),
    };
    let mut text = String::new();
    chosen.iter().for_each(|client| client.describe(&mut text));
    call.reply.verbatim(&text);
    Ok(())
}

/// Whether this type of client is the one that there is.
fn is_normal(name: &[u8]) -> Result<bool, Refusal> {
    match name.to_ascii_lowercase().as_slice() {
        b"normal" => Ok(true),
        b"master" | b"replica" | b"slave" | b"pubsub" => Ok(false),
        _ => Err(Refusal::about("ERR Unknown client type '", name, "'")),
    }
}

fn kill(call: &mut Call<'_>) -> Outcome {
    let by_address_alone = call.args.len() == 3;
    let (mut id, mut address, mut local, mut normal) = (None, None, None, true);
    let mut skip_me = !by_address_alone;
    if by_address_alone {
        address = call.args.get(2);
    } else {
        let mut options = call.args.iter().skip(2);
        while let Some(option) = options.next() {
            let value = options.next().ok_or(Refusal::SYNTAX)?;
            match option.to_ascii_lowercase().as_slice() {
                b"id" => {
                    let valid = int(value).ok().filter(|id| *id > 0);
                    let text = "ERR client-id should be greater than 0";
                    id = Some(valid.ok_or(Refusal::new(text))?);
                }
                b"addr" => address = Some(value),
                b"laddr" => local = Some(value),
                b"type" => normal = is_normal(value)?,
                b"user" if value == b"default" => {}
                b"user" => return Err(Refusal::about("ERR No such user '", value, "'")),
                b"skipme" if value.eq_ignore_ascii_case(b"yes") => skip_me = true,
                b"skipme" if value.eq_ignore_ascii_case(b"no") => skip_me = false,
                _ => return Err(Refusal::SYNTAX),
            }
        }
    }
    let is = |shown: std::net::SocketAddr, wanted: Option<&[u8]>| {
        wanted.is_none_or(|wanted| shown.to_string().as_bytes() == wanted)
    };
    let own = call.session.client.id;
    let mut killed = 0;
    for client in call.shared.clients.all().iter().filter(|_| normal) {
        let is_meant = id.is_none_or(|id| number_of(client) == id)
            && is(client.address, address)
            && is(client.local_address, local)
            && !(skip_me && client.id == own);
        if is_meant {
            killed += 1;
            if client.id == own {
                call.session.is_over = true;
            } else {
                client.kill();
            }
        }
    }
    match (by_address_alone, killed) {
        (true, 0) => return Err(Refusal::new("ERR No such client")),
        (true, _) => call.reply.ok(),
        (false, _) => call.reply.int(killed),
    }
    Ok(())
}

fn reply(call: &mut Call<'_>) -> Outcome {
    match call.args[2].to_ascii_lowercase().as_slice() {
        b"on" => {
            call.session.replies = Replies::All;
            call.reply.ok();
        }
        b"off" => call.session.replies = Replies::None,
        b"skip" if call.session.replies == Replies::None => {}
        b"skip" => call.session.replies = Replies::AllButNext,
        _ => return Err(Refusal::SYNTAX),
    }
    Ok(())
}

fn no_evict(call: &mut Call<'_>) -> Outcome {
    match call.args[2].to_ascii_lowercase().as_slice() {
        b"on" | b"off" => {
            call.reply.ok();
            Ok(())
        }
        _ => Err(Refusal::SYNTAX),
    }
}
