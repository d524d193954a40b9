//! Every command to the node that has its key, and its answer back.
//!
//! A cluster moves keys while it is used. A node that is asked for a key that it does not have
//! says so and does nothing, so that the command goes elsewhere. But a command whose answer
//! is lost may have been carried out: it is sent again only if it changes nothing. (The client
//! crate's own cluster connection sends every command again, and so may count twice.)

use crate::failure::{Answer, Elsewhere, Failure};
use crate::network::Network;
use crate::request::Request;
use crate::slots::NodeName;
use epochkv::{StoreError, StoreErrorKind};
use futures_util::future::join_all;
use redis::{Cmd, Pipeline, Value};
use std::mem;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// The most commands on their way to the engine for one call, and the most bytes, about.
const MAX_BATCH: usize = 1_000;
const MAX_BATCH_BYTES: usize = 1 << 20;

/// The first pause before a command is sent again, which doubles.
const PAUSE: Duration = Duration::from_millis(5);

/// The longest pause.
const MAX_PAUSE: Duration = Duration::from_millis(200);

/// Sends commands to a server or a cluster.
#[derive(Debug)]
pub(crate) struct Router {
    network: Network,
    timeout: Duration,
}

/// A command without an answer yet.
struct Pending {
    /// Its place in the batch.
    at: usize,
    request: Request,
    to: Destination,
}

enum Destination {
    /// The node that has the slot.
    Owner,
    /// This node, which another one has named.
    Node(NodeName),
    /// This node, although the slot is not its yet.
    Newcomer(NodeName),
}

/// What came of a command.
enum Outcome {
    Done(Result<Value, StoreError>),
    /// Not carried out, or without effect: once more. The error is for when time is up.
    Again {
        pending: Pending,
        pause: bool,
        refresh: bool,
        error: StoreError,
    },
}

impl Router {
    pub(crate) fn new(network: Network, timeout: Duration) -> Self {
        Self { network, timeout }
    }

    pub(crate) fn network(&self) -> &Network {
        &self.network
    }

    /// When a step that begins now has to end.
    pub(crate) fn deadline(&self) -> Instant {
        Instant::now() + self.timeout
    }

    /// The answer to one command.
    pub(crate) async fn ask(&self, request: Request) -> Result<Value, StoreError> {
        let deadline = self.deadline();
        let Some(name) = self.network.owner(&self.network.slots(), &request) else {
            return self.exchange(vec![request]).await.pop().unwrap_or_else(|| Err(no_answer()));
        };
        let answer = match self.network.node(&name) {
            Ok(node) => node.send_one(&request.cmd, deadline).await,
            Err(error) => Err(Failure::NotSent(error)),
        };
        let pending = |request| Pending { at: 0, request, to: Destination::Owner };
        let outcome = match answer {
            Ok(Value::ServerError(error)) => {
                self.redirect(pending(request), Answer::of(error), &name)
            }
            Ok(answer) => return Ok(answer),
            Err(failure) => self.recover(pending(request), &failure),
        };
        let results = self.settle(vec![outcome], 1, deadline).await;
        results.into_iter().next().unwrap_or_else(|| Err(no_answer()))
    }

    /// The answers to all commands, in their order, or an error: then none that comes later
    /// in the batch than a thousand others was sent.
    pub(crate) async fn ask_all(&self, requests: Vec<Request>) -> Result<Vec<Value>, StoreError> {
        let mut requests = requests.into_iter().peekable();
        let mut answers = Vec::new();
        let mut written = false;
        while requests.peek().is_some() {
            let (mut batch, mut bytes) = (Vec::new(), 0);
            while let Some(request) =
                requests.next_if(|_| batch.len() < MAX_BATCH && bytes < MAX_BATCH_BYTES)
            {
                bytes += request.len();
                batch.push(request);
            }
            let writes = batch.iter().any(|request| request.writes);
            let results = self.exchange(batch).await;
            written |= writes && results.iter().any(Result::is_ok);
            let unknown = results
                .iter()
                .any(|result| result.as_ref().is_err_and(|error| error.may_have_happened()));
            for result in results {
                match result {
                    Ok(answer) => answers.push(answer),
                    Err(error) if written || unknown => return Err(error.unknown_outcome()),
                    Err(error) => return Err(error),
                }
            }
        }
        Ok(answers)
    }

    /// One result per command, in their order. For no more commands than one call may send.
    pub(crate) async fn ask_each(&self, requests: Vec<Request>) -> Vec<Result<Value, StoreError>> {
        self.exchange(requests).await
    }

    /// Sends a command that only reads to a node, whatever its keys.
    pub(crate) async fn ask_node(
        &self,
        node: &NodeName,
        cmd: Cmd,
        deadline: Instant,
    ) -> Result<Value, Failure> {
        let node = self.network.node(node).map_err(Failure::NotSent)?;
        match node.send_one(&cmd, deadline).await? {
            Value::ServerError(error) => Err(match Answer::of(error) {
                // It may answer a little later.
                Answer::Elsewhere(Elsewhere::Later(error)) => Failure::Lost(error),
                Answer::Error(error) => Failure::NotSent(error),
                _ => Failure::NotSent(no_answer()),
            }),
            answer => Ok(answer),
        }
    }

    /// One result per command, in their order, within the time of a call.
    async fn exchange(&self, requests: Vec<Request>) -> Vec<Result<Value, StoreError>> {
        let (deadline, count) = (self.deadline(), requests.len());
        let pending = requests.into_iter().enumerate();
        let pending = pending.map(|(at, request)| Pending { at, request, to: Destination::Owner });
        let outcomes = self.round(pending.collect(), deadline).await;
        self.settle(outcomes, count, deadline).await
    }

    /// Goes on with what is not done yet, until time is up.
    async fn settle(
        &self,
        mut outcomes: Vec<(usize, Outcome)>,
        count: usize,
        deadline: Instant,
    ) -> Vec<Result<Value, StoreError>> {
        let mut results: Vec<_> = (0..count).map(|_| None).collect();
        let mut next_pause = PAUSE;
        loop {
            let (mut pause, mut refresh) = (false, false);
            let mut pending = Vec::new();
            for (at, outcome) in outcomes {
                match outcome {
                    Outcome::Done(result) => results[at] = Some(result),
                    Outcome::Again { pending: again, pause: waits, refresh: stale, error } => {
                        results[at] = Some(Err(error));
                        pause |= waits;
                        refresh |= stale;
                        pending.push(again);
                    }
                }
            }
            let now = Instant::now();
            if pending.is_empty() || now + next_pause >= deadline {
                let answered = |result: Option<_>| result.unwrap_or_else(|| Err(no_answer()));
                return results.into_iter().map(answered).collect();
            }
            // Nodes that send a command to and fro are given time too.
            if pause || next_pause > PAUSE {
                sleep(next_pause).await;
            }
            next_pause = (next_pause * 2).min(MAX_PAUSE);
            if refresh {
                self.network.refresh(now, deadline).await;
            }
            outcomes = self.round(pending, deadline).await;
        }
    }

    /// Sends each command to its node, to all nodes at once.
    async fn round(&self, pending: Vec<Pending>, deadline: Instant) -> Vec<(usize, Outcome)> {
        let mut outcomes = Vec::with_capacity(pending.len());
        let mut groups: Vec<(NodeName, Vec<Pending>)> = Vec::new();
        let slots = self.network.slots();
        for pending in pending {
            let name = match &pending.to {
                Destination::Owner => self.network.owner(&slots, &pending.request),
                Destination::Node(name) | Destination::Newcomer(name) => Some(name.clone()),
            };
            let Some(name) = name else {
                let message = "no node of the cluster has the key's slot";
                let error = StoreError::new(StoreErrorKind::Unreachable, message);
                outcomes.push(again(pending, true, true, error));
                continue;
            };
            let same = groups.iter().position(|(known, _)| Arc::ptr_eq(known, &name));
            let same = same.or_else(|| groups.iter().position(|(known, _)| *known == name));
            match same {
                Some(group) => groups[group].1.push(pending),
                None => groups.push((name, vec![pending])),
            }
        }
        let sent = groups.into_iter().map(|(name, group)| self.send(name, group, deadline));
        outcomes.extend(join_all(sent).await.into_iter().flatten());
        outcomes
    }

    /// Sends commands to one node.
    async fn send(
        &self,
        name: NodeName,
        mut group: Vec<Pending>,
        deadline: Instant,
    ) -> Vec<(usize, Outcome)> {
        let mut commands = Pipeline::with_capacity(group.len());
        let mut places = Vec::with_capacity(group.len());
        for pending in &mut group {
            if let Destination::Newcomer(_) = pending.to {
                commands.cmd("ASKING");
            }
            places.push(commands.len());
            commands.add_command(mem::take(&mut pending.request.cmd));
        }
        let answers = match self.network.node(&name) {
            Ok(node) => node.send(&commands, deadline).await,
            Err(error) => Err(Failure::NotSent(error)),
        };
        // The commands are needed again only where something went wrong.
        let with_command = |mut pending: Pending, place: usize| {
            pending.request.cmd = commands.cmd_iter().nth(place).cloned().unwrap_or_default();
            pending
        };
        let group = group.into_iter().zip(places);
        match answers {
            Ok(mut answers) => group
                .map(|(pending, place)| match mem::take(&mut answers[place]) {
                    Value::ServerError(error) => {
                        self.redirect(with_command(pending, place), Answer::of(error), &name)
                    }
                    answer => (pending.at, Outcome::Done(Ok(answer))),
                })
                .collect(),
            Err(failure) => group
                .map(|(pending, place)| self.recover(with_command(pending, place), &failure))
                .collect(),
        }
    }

    /// What to do about a command that a node has answered with an error.
    fn redirect(&self, pending: Pending, answer: Answer, from: &str) -> (usize, Outcome) {
        let mut pending = pending;
        let in_cluster = self.network.is_cluster();
        match answer {
            Answer::NoScript if pending.request.send_text() => {
                again(pending, false, false, no_answer())
            }
            Answer::NoScript => {
                let message = format!("{from} does not keep scripts");
                let error = StoreError::new(StoreErrorKind::Engine, message);
                (pending.at, Outcome::Done(Err(error)))
            }
            Answer::Error(error) => (pending.at, Outcome::Done(Err(error))),
            Answer::Elsewhere(Elsewhere::Later(error)) => {
                pending.to = Destination::Owner;
                again(pending, true, in_cluster, error)
            }
            Answer::Elsewhere(Elsewhere::Moved(_) | Elsewhere::Ask(_)) if !in_cluster => {
                let message = format!("{from} belongs to a cluster: use redis-cluster://");
                let error = StoreError::new(StoreErrorKind::BadConfig, message);
                (pending.at, Outcome::Done(Err(error)))
            }
            Answer::Elsewhere(Elsewhere::Moved(node)) => {
                pending.to = Destination::Node(full_name(&node, from));
                let error = moving(&node);
                again(pending, false, true, error)
            }
            Answer::Elsewhere(Elsewhere::Ask(node)) => {
                pending.to = Destination::Newcomer(full_name(&node, from));
                let error = moving(&node);
                again(pending, false, false, error)
            }
        }
    }

    /// What to do about a command without an answer.
    fn recover(&self, mut pending: Pending, failure: &Failure) -> (usize, Outcome) {
        let writes = pending.request.writes;
        let (sent, error) = match failure {
            Failure::NotSent(error) => (false, error.clone()),
            Failure::Lost(error) if writes => (true, error.clone().unknown_outcome()),
            Failure::Lost(error) => (true, error.clone()),
        };
        let in_cluster = self.network.is_cluster();
        let hopeless = error.kind() == StoreErrorKind::Engine;
        // A server that cannot be reached is not waited for; of a cluster, another node may
        // take its place.
        if hopeless || sent && writes || !sent && !in_cluster {
            return (pending.at, Outcome::Done(Err(error)));
        }
        pending.to = Destination::Owner;
        again(pending, true, in_cluster, error)
    }
}

fn again(pending: Pending, pause: bool, refresh: bool, error: StoreError) -> (usize, Outcome) {
    (pending.at, Outcome::Again { pending, pause, refresh, error })
}

fn moving(node: &str) -> StoreError {
    let message = format!("the key is moving to {node}, and was not found in time");
    StoreError::new(StoreErrorKind::TimedOut, message)
}

fn no_answer() -> StoreError {
    StoreError::new(StoreErrorKind::TimedOut, "no answer in time")
}

/// A node that is named without a host is on the host of the one that names it.
fn full_name(node: &str, from: &str) -> NodeName {
    match node.strip_prefix(':') {
        Some(port) => {
            let host = from.rsplit_once(':').map_or(from, |(host, _)| host);
            format!("{host}:{port}").into()
        }
        None => node.into(),
    }
}
