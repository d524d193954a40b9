//! The nodes of an engine: one server, or those of a cluster and who has which slot.

use crate::address::Address;
use crate::failure::Failure;
use crate::node::Node;
use crate::options::Options;
use crate::request::Request;
use crate::slots::{NodeName, SlotMap};
use epochkv::{StoreError, StoreErrorKind};
use redis::{Client, ConnectionAddr, ConnectionInfo, Pipeline, TlsCertificates, Value};
use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;
use tokio::sync;
use tokio::time::{Instant, timeout_at};

/// All that is known of an engine.
pub(crate) struct Network {
    /// How to connect to any node.
    template: ConnectionInfo,
    root_certificate: Option<Vec<u8>>,
    timeout: Duration,
    is_cluster: bool,
    /// The nodes that the address names.
    seeds: Vec<NodeName>,
    nodes: Mutex<HashMap<NodeName, Arc<Node>>>,
    slots: RwLock<Arc<SlotMap>>,
    /// Held by the one that asks who has which slot. When that was done last.
    refreshed: sync::Mutex<Option<Instant>>,
    /// Which node to ask first: not always the same, which may be wrong.
    turn: AtomicUsize,
}

impl Network {
    /// Connects to the engine at an address, and looks whether it is what the address says.
    pub(crate) async fn connect(address: Address, options: &Options) -> Result<Self, StoreError> {
        let (seeds, is_cluster) = match address {
            Address::Single(node) => (vec![*node], false),
            Address::Cluster(nodes) => (nodes, true),
            Address::Memory => (Vec::new(), false),
        };
        let Some(template) = seeds.first().cloned() else {
            let message = "the store in this process is no engine";
            return Err(StoreError::new(StoreErrorKind::BadConfig, message));
        };
        let names: Vec<NodeName> = seeds.iter().map(|node| name_of(node.addr())).collect();
        let network = Self {
            template,
            root_certificate: options.root_certificate.clone(),
            timeout: options.timeout,
            is_cluster,
            slots: RwLock::new(Arc::new(SlotMap::whole(names[0].clone()))),
            seeds: names,
            nodes: Mutex::default(),
            refreshed: sync::Mutex::default(),
            turn: AtomicUsize::new(0),
        };
        for seed in seeds {
            let name = name_of(seed.addr());
            let node = network.make(name.clone(), seed)?;
            network.locked_nodes().insert(name, node);
        }
        let deadline = Instant::now() + options.timeout;
        if is_cluster {
            network.find_slots(deadline).await?;
        } else {
            network.check_single(deadline).await?;
        }
        Ok(network)
    }

    pub(crate) fn is_cluster(&self) -> bool {
        self.is_cluster
    }

    /// Who has the slot of a command's key, by `slots`. The key is looked at only in a cluster.
    pub(crate) fn owner(&self, slots: &SlotMap, request: &Request) -> Option<NodeName> {
        let slot = if self.is_cluster { request.slot() } else { 0 };
        slots.node_of(slot).cloned()
    }

    /// All nodes that have slots.
    pub(crate) fn owners(&self) -> Vec<NodeName> {
        self.slots().nodes()
    }

    /// The node of a name.
    pub(crate) fn node(&self, name: &NodeName) -> Result<Arc<Node>, StoreError> {
        let mut nodes = self.locked_nodes();
        if let Some(node) = nodes.get(name) {
            return Ok(Arc::clone(node));
        }
        let (host, port) = name
            .rsplit_once(':')
            .and_then(|(host, port)| Some((host, port.parse().ok()?)))
            .ok_or_else(|| {
                let message = format!("the cluster names a node {name:?}");
                StoreError::new(StoreErrorKind::Engine, message)
            })?;
        let host = host.to_owned();
        let addr = match self.template.addr() {
            ConnectionAddr::TcpTls { insecure, tls_params, .. } => {
                let (insecure, tls_params) = (*insecure, tls_params.clone());
                ConnectionAddr::TcpTls { host, port, insecure, tls_params }
            }
            _ => ConnectionAddr::Tcp(host, port),
        };
        let node = self.make(name.clone(), self.template.clone().set_addr(addr))?;
        nodes.insert(name.clone(), Arc::clone(&node));
        Ok(node)
    }

    /// Asks who has which slot, unless somebody has done so since `since`. What cannot be
    /// learned now may be learned next time.
    pub(crate) async fn refresh(&self, since: Instant, deadline: Instant) {
        let refresh = async {
            let mut refreshed = self.refreshed.lock().await;
            if refreshed.is_none_or(|when| when < since) {
                let _ = self.find_slots(deadline).await;
                *refreshed = Some(Instant::now());
            }
        };
        // The caller goes on with what is known, and has its own error to report.
        let _ = timeout_at(deadline, refresh).await;
    }

    async fn find_slots(&self, deadline: Instant) -> Result<(), StoreError> {
        let mut candidates = self.owners();
        candidates.extend(self.seeds.iter().cloned());
        candidates.dedup();
        let turn = self.turn.fetch_add(1, Ordering::Relaxed) % candidates.len();
        candidates.rotate_left(turn);
        let mut last_error = None;
        for (name, left) in candidates.iter().zip((1..=candidates.len()).rev()) {
            // A node that does not answer must not use up the time of the others.
            let share = deadline.saturating_duration_since(Instant::now()).div_f64(left as f64);
            let deadline = Instant::now() + share;
            match self.slots_by(name, deadline).await {
                Ok(map) => {
                    self.adopt(map);
                    return Ok(());
                }
                Err(error) => last_error = Some(error),
            }
        }
        Err(last_error.unwrap_or_else(|| {
            StoreError::new(StoreErrorKind::Unreachable, "the cluster has no known node")
        }))
    }

    async fn slots_by(&self, name: &NodeName, deadline: Instant) -> Result<SlotMap, StoreError> {
        let answer = self.ask(name, ["CLUSTER", "SLOTS"], deadline).await?;
        let host = name.rsplit_once(':').map_or(&**name, |(host, _)| host);
        if let Value::ServerError(error) = &answer {
            let message = format!("{name} does not answer as a node of a cluster: {error}");
            return Err(StoreError::new(StoreErrorKind::BadConfig, message));
        }
        SlotMap::parse(&answer, host).ok_or_else(|| {
            let message = format!("{name} knows of no slots");
            StoreError::new(StoreErrorKind::Unreachable, message)
        })
    }

    fn adopt(&self, map: SlotMap) {
        // Connections to nodes that have left are closed.
        let owners = map.nodes();
        self.locked_nodes().retain(|name, _| owners.contains(name) || self.seeds.contains(name));
        *self.slots.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(map);
    }

    async fn check_single(&self, deadline: Instant) -> Result<(), StoreError> {
        let name = &self.seeds[0];
        let answer = self.ask(name, ["INFO", "cluster"], deadline).await?;
        if text_of(&answer).is_some_and(|info| info.contains("cluster_enabled:1")) {
            let message = format!("{name} belongs to a cluster: use redis-cluster://");
            return Err(StoreError::new(StoreErrorKind::BadConfig, message));
        }
        Ok(())
    }

    async fn ask(
        &self,
        name: &NodeName,
        command: [&str; 2],
        deadline: Instant,
    ) -> Result<Value, StoreError> {
        let mut commands = Pipeline::with_capacity(1);
        commands.cmd(command[0]).arg(command[1]);
        let answers = self.node(name)?.send(&commands, deadline).await;
        let answers = answers.map_err(|failure: Failure| failure.into_error())?;
        Ok(answers.into_iter().next().unwrap_or(Value::Nil))
    }

    fn make(&self, name: NodeName, info: ConnectionInfo) -> Result<Arc<Node>, StoreError> {
        let is_tls = matches!(info.addr(), ConnectionAddr::TcpTls { .. });
        if is_tls && rustls::crypto::CryptoProvider::get_default().is_none() {
            // If another thread is faster, its choice is as good.
            let _ = rustls::crypto::ring::default_provider().install_default();
        }
        let client = match &self.root_certificate {
            Some(pem) if is_tls => {
                let root_cert = Some(pem.clone());
                Client::build_with_tls(info, TlsCertificates { client_tls: None, root_cert })
            }
            _ => Client::open(info),
        };
        let client = client.map_err(|error| {
            StoreError::new(StoreErrorKind::BadConfig, format!("{name}: {error}"))
        })?;
        Ok(Arc::new(Node::new(name, client, self.timeout)))
    }

    /// Who has which slot, as far as is known.
    pub(crate) fn slots(&self) -> Arc<SlotMap> {
        Arc::clone(&self.slots.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn locked_nodes(&self) -> std::sync::MutexGuard<'_, HashMap<NodeName, Arc<Node>>> {
        self.nodes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Network").field("nodes", &self.owners()).finish_non_exhaustive()
    }
}

fn name_of(addr: &ConnectionAddr) -> NodeName {
    addr.to_string().into()
}

/// The text of an answer that is text.
pub(crate) fn text_of(answer: &Value) -> Option<&str> {
    match answer {
        Value::BulkString(bytes) => str::from_utf8(bytes).ok(),
        Value::SimpleString(text) | Value::VerbatimString { text, .. } => Some(text),
        _ => None,
    }
}
