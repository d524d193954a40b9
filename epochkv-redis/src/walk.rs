//! Walking over all keys of a namespace: `SCAN` on every node that has slots.
//!
//! A node shows every key that it has throughout the walk. Two things could still hide a key,
//! so each is looked for, and then there is another pass: a node that restarts makes its cursors
//! void, and a slot that moves may take a key from a node yet to be asked to one that was asked
//! already.

use crate::failure::Failure;
use crate::network::text_of;
use crate::router::Router;
use crate::slots::NodeName;
use epochkv::{StoreError, StoreErrorKind};
use redis::Value;
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// Keys that a node looks at for one page.
const COUNT: usize = 1_000;

/// The pause after a page could not be had.
const PAUSE: Duration = Duration::from_millis(20);

/// Passes over an engine whose nodes restart all the time.
const MAX_PASSES: usize = 3;

/// A walk. Shows every key that is there throughout, perhaps more than once.
#[derive(Debug)]
pub(crate) struct Walk<'s> {
    router: &'s Router,
    /// What to look for, in the engine's own grammar.
    glob: Vec<u8>,
    passes: usize,
    /// What the nodes were like when the pass began; none between passes.
    begun: Option<Survey>,
    /// Nodes yet to be asked, the present one last.
    nodes: Vec<NodeName>,
    /// Where to go on at the present one.
    cursor: Vec<u8>,
    /// A node had to be left before its end.
    is_cut: bool,
}

/// What the nodes are like.
#[derive(Debug, PartialEq)]
struct Survey {
    nodes: BTreeMap<NodeName, State>,
}

#[derive(Debug, PartialEq)]
struct State {
    /// Changes when the node restarts.
    run: String,
    /// The node's slots, and those that come and go, as it writes them itself.
    slots: String,
}

/// What another survey shows.
#[derive(Debug, PartialEq)]
enum Change {
    /// Nothing that could have hidden a key.
    None,
    /// Keys may have moved.
    Moves,
    /// A node has been replaced or restarted.
    Restart,
}

impl<'s> Walk<'s> {
    pub(crate) fn new(router: &'s Router, glob: Vec<u8>) -> Self {
        let (nodes, cursor) = (Vec::new(), Vec::new());
        Self { router, glob, passes: 0, begun: None, nodes, cursor, is_cut: false }
    }

    /// The next names, perhaps none; `None` at the end. After an error the walk goes on where
    /// it was.
    pub(crate) async fn next_page(&mut self) -> Result<Option<Vec<Vec<u8>>>, StoreError> {
        loop {
            let Some(begun) = &self.begun else {
                let survey = self.survey().await?;
                self.nodes = survey.nodes.keys().cloned().collect();
                self.cursor = b"0".to_vec();
                self.is_cut = false;
                self.begun = Some(survey);
                continue;
            };
            if let Some(node) = self.nodes.last().cloned() {
                match self.page_of(&node).await? {
                    Some((next, page)) => {
                        if next == b"0" {
                            self.nodes.pop();
                        }
                        self.cursor = next;
                        return Ok(Some(page));
                    }
                    None => {
                        self.is_cut = true;
                        self.nodes.pop();
                        self.cursor = b"0".to_vec();
                        continue;
                    }
                }
            }
            let change = begun.change(&self.survey().await?, self.is_cut);
            self.passes += 1;
            match change {
                Change::None => return Ok(None),
                // A key moves once, mostly; then the second pass has met it.
                Change::Moves if self.passes >= 2 => return Ok(None),
                Change::Restart if self.passes >= MAX_PASSES => {
                    let message = "nodes of the engine went away again and again during a walk";
                    self.begun = None;
                    return Err(StoreError::new(StoreErrorKind::Interrupted, message));
                }
                Change::Moves | Change::Restart => self.begun = None,
            }
        }
    }

    /// A page of a node and the cursor for the next, or `None` if it has no slots any more.
    async fn page_of(
        &self,
        node: &NodeName,
    ) -> Result<Option<(Vec<u8>, Vec<Vec<u8>>)>, StoreError> {
        let deadline = self.router.deadline();
        loop {
            let mut scan = redis::cmd("SCAN");
            scan.arg(&self.cursor).arg("MATCH").arg(&self.glob).arg("COUNT").arg(COUNT);
            let begun = Instant::now();
            let failure = match self.router.ask_node(node, scan, deadline).await {
                Ok(answer) => match read_page(answer) {
                    Some(page) => return Ok(Some(page)),
                    None => {
                        let message = format!("{node} does not answer SCAN with a page");
                        return Err(StoreError::new(StoreErrorKind::Engine, message));
                    }
                },
                Err(failure) => failure,
            };
            self.pause(failure, begun, deadline).await?;
            if !self.router.network().owners().contains(node) {
                return Ok(None);
            }
        }
    }

    /// Looks at all nodes that have slots.
    async fn survey(&self) -> Result<Survey, StoreError> {
        let deadline = self.router.deadline();
        'again: loop {
            let mut nodes = BTreeMap::new();
            let begun = Instant::now();
            if self.router.network().is_cluster() {
                self.router.network().refresh(begun, deadline).await;
            }
            for node in self.router.network().owners() {
                match self.state_of(&node, deadline).await {
                    Ok(state) => _ = nodes.insert(node, state),
                    Err(failure) => {
                        self.pause(failure, begun, deadline).await?;
                        continue 'again;
                    }
                }
            }
            return Ok(Survey { nodes });
        }
    }

    async fn state_of(&self, node: &NodeName, deadline: Instant) -> Result<State, Failure> {
        let mut info = redis::cmd("INFO");
        info.arg("server");
        let info = self.router.ask_node(node, info, deadline).await?;
        let run = text_of(&info).and_then(|info| line(info, "run_id:")).unwrap_or_default();
        let mut slots = String::new();
        if self.router.network().is_cluster() {
            let mut nodes = redis::cmd("CLUSTER");
            nodes.arg("NODES");
            let nodes = self.router.ask_node(node, nodes, deadline).await?;
            slots = text_of(&nodes).map(own_slots).unwrap_or_default();
        }
        Ok(State { run: run.to_owned(), slots })
    }

    /// Waits a little after a failure, or ends with it where there is no time or no hope.
    async fn pause(
        &self,
        failure: Failure,
        begun: Instant,
        deadline: Instant,
    ) -> Result<(), StoreError> {
        let network = self.router.network();
        let is_down = matches!(failure, Failure::NotSent(_)) && !network.is_cluster();
        if is_down || Instant::now() + PAUSE >= deadline {
            return Err(failure.into_error());
        }
        sleep(PAUSE).await;
        if network.is_cluster() {
            network.refresh(begun, deadline).await;
        }
        Ok(())
    }
}

impl Survey {
    fn change(&self, now: &Self, is_cut: bool) -> Change {
        let runs = |survey: &Self| -> Vec<_> {
            survey.nodes.values().map(|state| state.run.clone()).collect()
        };
        let moves = |survey: &Self| survey.nodes.values().any(|state| state.slots.contains('['));
        if is_cut || runs(self) != runs(now) {
            Change::Restart
        } else if self != now || moves(self) || moves(now) {
            Change::Moves
        } else {
            Change::None
        }
    }
}

fn read_page(answer: Value) -> Option<(Vec<u8>, Vec<Vec<u8>>)> {
    let Value::Array(parts) = answer else {
        return None;
    };
    let Ok([Value::BulkString(cursor), Value::Array(names)]) = <[Value; 2]>::try_from(parts) else {
        return None;
    };
    let name = |name| match name {
        Value::BulkString(name) => Some(name),
        _ => None,
    };
    Some((cursor, names.into_iter().map(name).collect::<Option<_>>()?))
}

fn line<'t>(text: &'t str, start: &str) -> Option<&'t str> {
    text.lines().find_map(|line| line.strip_prefix(start))
}

/// Of the lines of `CLUSTER NODES`, the slots of the node that was asked; in brackets are those
/// that come and go.
fn own_slots(nodes: &str) -> String {
    let own = nodes.lines().find(|line| {
        line.split(' ').nth(2).is_some_and(|flags| flags.split(',').any(|flag| flag == "myself"))
    });
    own.map(|line| line.split(' ').skip(8).collect::<Vec<_>>().join(" ")).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::{Change, State, Survey, own_slots, read_page};
    use redis::Value;

    fn survey(states: &[(&str, &str, &str)]) -> Survey {
        let state = |(node, run, slots): &(&str, &str, &str)| {
            ((*node).into(), State { run: (*run).into(), slots: (*slots).into() })
        };
        Survey { nodes: states.iter().map(state).collect() }
    }

    #[test]
    fn what_may_have_hidden_a_key_is_seen() {
        let before = survey(&[("a:1", "r1", "0-9"), ("b:2", "r2", "10-19")]);
        let same = survey(&[("a:1", "r1", "0-9"), ("b:2", "r2", "10-19")]);
        assert_eq!(before.change(&same, false), Change::None);
        assert_eq!(before.change(&same, true), Change::Restart);
        let moved = survey(&[("a:1", "r1", "0-8"), ("b:2", "r2", "9-19")]);
        assert_eq!(before.change(&moved, false), Change::Moves);
        let moving = survey(&[("a:1", "r1", "0-9 [9->-id]"), ("b:2", "r2", "10-19")]);
        assert_eq!(moving.change(&moving, false), Change::Moves);
        let restarted = survey(&[("a:1", "r3", "0-9"), ("b:2", "r2", "10-19")]);
        assert_eq!(before.change(&restarted, false), Change::Restart);
        let replaced = survey(&[("c:3", "r3", "0-9"), ("b:2", "r2", "10-19")]);
        assert_eq!(before.change(&replaced, false), Change::Restart);
    }

    #[test]
    fn a_node_tells_its_own_slots() {
        let nodes = "id1 127.0.0.1:1@2,h master - 0 1 1 connected 0-9\n\
                     id2 127.0.0.1:3@4 myself,master - 0 1 2 connected 10-19 [5-<-id1]\n";
        assert_eq!(own_slots(nodes), "10-19 [5-<-id1]");
        assert_eq!(own_slots(""), "");
    }

    #[test]
    fn a_page_is_read() {
        let bulk = |text: &str| Value::BulkString(text.into());
        let page = Value::Array(vec![bulk("7"), Value::Array(vec![bulk("a"), bulk("b")])]);
        let read = read_page(page).expect("a page");
        assert_eq!(read, (b"7".to_vec(), vec![b"a".to_vec(), b"b".to_vec()]));
        for other in [Value::Nil, Value::Array(vec![bulk("7")]), Value::Okay] {
            assert_eq!(read_page(other), None);
        }
    }
}
