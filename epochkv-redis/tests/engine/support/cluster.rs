//! A cluster of redis-servers.

use super::server::Server;
use super::{free_port, wait_until};

/// Slots of every cluster.
const SLOTS: u16 = 16384;

/// A running cluster: so many primaries, then their replicas if there are any.
pub struct Cluster {
    pub nodes: Vec<Server>,
}

impl Cluster {
    /// Three primaries.
    pub fn start() -> Self {
        Self::start_with(3, 0, &[])
    }

    /// So many primaries, and replicas of the first ones.
    pub fn start_with(primaries: usize, replicas: usize, args: &[&str]) -> Self {
        let node = |_| {
            let bus = free_port().to_string();
            let mut all = vec!["--cluster-enabled", "yes", "--cluster-port", &bus];
            all.extend(["--cluster-node-timeout", "1000"]);
            all.extend(["--cluster-require-full-coverage", "no"]);
            all.extend(["--appendonly", "yes", "--appendfsync", "always"]);
            all.extend(args);
            (Server::start_with(&all), bus)
        };
        let started: Vec<_> = (0..primaries + replicas).map(node).collect();
        let share = SLOTS.div_ceil(u16::try_from(primaries).expect("few nodes"));
        for (index, (node, _)) in (0..).zip(&started[..primaries]) {
            let (first, last) = (index * share, ((index + 1) * share - 1).min(SLOTS - 1));
            let range = [first.to_string(), last.to_string()];
            node.ask::<()>(&["CLUSTER", "ADDSLOTSRANGE", &range[0], &range[1]]);
            node.ask::<()>(&["CLUSTER", "SET-CONFIG-EPOCH", &(index + 1).to_string()]);
        }
        for (node, bus) in &started[1..] {
            let port = node.port.to_string();
            started[0].0.ask::<()>(&["CLUSTER", "MEET", "127.0.0.1", &port, bus]);
        }
        let cluster = Self { nodes: started.into_iter().map(|(node, _)| node).collect() };
        cluster.wait_until_whole();
        for index in 0..replicas {
            let id: String = cluster.nodes[index].ask(&["CLUSTER", "MYID"]);
            cluster.nodes[primaries + index].ask::<()>(&["CLUSTER", "REPLICATE", &id]);
            wait_until("a replica in step", || {
                let info: String = cluster.nodes[primaries + index].ask(&["INFO", "replication"]);
                info.contains("master_link_status:up")
            });
        }
        cluster
    }

    /// Waits until every node knows every other one and all slots are served.
    pub fn wait_until_whole(&self) {
        for node in &self.nodes {
            wait_until("a whole cluster", || {
                let info: String = node.ask(&["CLUSTER", "INFO"]);
                let known = format!("cluster_known_nodes:{}\r", self.nodes.len());
                info.contains("cluster_state:ok")
                    && info.contains(&known)
                    && info.contains("cluster_slots_ok:16384")
            });
        }
    }

    /// Waits until the replica of a node has all that the node has. `WAIT` would not do: it
    /// knows of writes of its own connection alone.
    pub fn wait_until_replicated(&self, node: usize) {
        wait_until("a replica that has all", || {
            let info: String = self.nodes[node].ask(&["INFO", "replication"]);
            let figure = |name: &str| {
                let (_, rest) = info.split_once(name)?;
                rest.split([',', '\r']).next()?.parse::<u64>().ok()
            };
            let there = figure("state=online,offset=");
            there.is_some() && there == figure("master_repl_offset:")
        });
    }

    pub fn url(&self) -> String {
        let hosts: Vec<_> = self.nodes.iter().map(|n| format!("127.0.0.1:{}", n.port)).collect();
        format!("redis-cluster://{}/", hosts.join(","))
    }

    /// Moves a slot with all its keys from one node to another, key by key, as an
    /// administrator's tool does.
    pub fn move_slot(&self, slot: u16, from: usize, to: usize) {
        let slot = slot.to_string();
        let id = |node: usize| self.nodes[node].ask::<String>(&["CLUSTER", "MYID"]);
        let (from_id, to_id) = (id(from), id(to));
        let (source, target) = (&self.nodes[from], &self.nodes[to]);
        target.ask::<()>(&["CLUSTER", "SETSLOT", &slot, "IMPORTING", &from_id]);
        source.ask::<()>(&["CLUSTER", "SETSLOT", &slot, "MIGRATING", &to_id]);
        let port = target.port.to_string();
        loop {
            let keys: Vec<String> = source.ask(&["CLUSTER", "GETKEYSINSLOT", &slot, "1"]);
            let Some(key) = keys.first() else { break };
            let answer: String = source.ask(&["MIGRATE", "127.0.0.1", &port, key, "0", "5000"]);
            assert!(answer == "OK" || answer == "NOKEY", "{answer}");
        }
        for node in [target, source] {
            node.ask::<()>(&["CLUSTER", "SETSLOT", &slot, "NODE", &to_id]);
        }
    }
}
