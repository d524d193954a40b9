//! Which node of a cluster has which key.

use redis::Value;
use std::sync::Arc;

/// The slots of every cluster.
const SLOTS: u16 = 16384;

/// What a node is called: its host and port.
pub(crate) type NodeName = Arc<str>;

/// The slot of a key: the engine's rule, by which keys with the same text in braces share one.
pub(crate) fn slot_of(key: &[u8]) -> u16 {
    let tag = key.iter().position(|byte| *byte == b'{').and_then(|open| {
        let rest = &key[open + 1..];
        let close = rest.iter().position(|byte| *byte == b'}')?;
        (close > 0).then(|| &rest[..close])
    });
    crc16::State::<crc16::XMODEM>::calculate(tag.unwrap_or(key)) % SLOTS
}

/// The nodes of all slots, as one node told it.
#[derive(Debug, PartialEq)]
pub(crate) struct SlotMap {
    /// First and last slot, and who has them; ascending.
    ranges: Vec<(u16, u16, NodeName)>,
}

impl SlotMap {
    /// One node has everything.
    pub(crate) fn whole(node: NodeName) -> Self {
        Self { ranges: vec![(0, SLOTS - 1, node)] }
    }

    /// Reads the answer to `CLUSTER SLOTS` of a node on `host`; none if it is not one, or
    /// names no node.
    pub(crate) fn parse(answer: &Value, host: &str) -> Option<Self> {
        let Value::Array(rows) = answer else {
            return None;
        };
        let mut ranges: Vec<(u16, u16, NodeName)> = Vec::with_capacity(rows.len());
        for row in rows {
            let Value::Array(row) = row else {
                return None;
            };
            let [Value::Int(first), Value::Int(last), Value::Array(primary), ..] = &row[..] else {
                return None;
            };
            let [name, Value::Int(port), ..] = &primary[..] else {
                return None;
            };
            let name = match name {
                Value::BulkString(name) => str::from_utf8(name).ok()?,
                Value::SimpleString(name) => name,
                Value::Nil => "",
                _ => return None,
            };
            // A node that does not know its own name is where it was asked.
            let name = match name {
                "" => host,
                "?" => continue,
                name => name,
            };
            let (first, last) = (u16::try_from(*first).ok()?, u16::try_from(*last).ok()?);
            let port = u16::try_from(*port).ok()?;
            let name = format!("{name}:{port}");
            // One name per node, so that names are mostly told apart by their addresses.
            let known = ranges.iter().find(|(.., known)| **known == *name);
            let name = known.map_or_else(|| name.into(), |(.., known)| known.clone());
            ranges.push((first, last, name));
        }
        ranges.sort_unstable();
        (!ranges.is_empty()).then_some(Self { ranges })
    }

    /// Who has a slot, if it is known.
    pub(crate) fn node_of(&self, slot: u16) -> Option<&NodeName> {
        let after = self.ranges.partition_point(|(first, ..)| *first <= slot);
        let (_, last, node) = self.ranges[..after].last()?;
        (slot <= *last).then_some(node)
    }

    /// Every node that has slots, once.
    pub(crate) fn nodes(&self) -> Vec<NodeName> {
        let mut nodes: Vec<_> = self.ranges.iter().map(|(.., node)| node.clone()).collect();
        nodes.sort_unstable();
        nodes.dedup();
        nodes
    }
}

#[cfg(test)]
mod tests {
    use super::{SlotMap, slot_of};
    use redis::Value;

    #[test]
    fn slots_are_those_of_the_specification() {
        assert_eq!(slot_of(b"123456789"), 0x31c3);
        assert_eq!(slot_of(b"{user1000}.following"), slot_of(b"user1000"));
        assert_eq!(slot_of(b"foo{{bar}}zap"), slot_of(b"{bar"));
        assert_eq!(slot_of(b"foo{bar}{zap}"), slot_of(b"bar"));
        // Without text in the braces, or without a closing one, the whole key counts.
        assert_eq!(slot_of(b"{}a"), 10875);
        assert_ne!(slot_of(b"{}a"), slot_of(b"{}b"));
        assert_ne!(slot_of(b"{a"), slot_of(b"{b"));
    }

    fn row(first: i64, last: i64, host: Value, port: i64) -> Value {
        let node = Value::Array(vec![host, Value::Int(port), Value::BulkString(b"id".to_vec())]);
        Value::Array(vec![Value::Int(first), Value::Int(last), node])
    }

    fn host(name: &str) -> Value {
        Value::BulkString(name.as_bytes().to_vec())
    }

    #[test]
    fn an_answer_is_read() {
        let answer = Value::Array(vec![
            row(10, 20, host("b"), 2),
            row(0, 5, host(""), 1),
            row(30, 40, host("b"), 2),
            row(50, 60, host("?"), 2),
        ]);
        let map = SlotMap::parse(&answer, "here").expect("an answer");
        let owner = |slot| map.node_of(slot).map(|node| node.to_string());
        assert_eq!(owner(0).as_deref(), Some("here:1"));
        assert_eq!(owner(5).as_deref(), Some("here:1"));
        assert_eq!(owner(6), None);
        assert_eq!(owner(10).as_deref(), Some("b:2"));
        assert_eq!(owner(40).as_deref(), Some("b:2"));
        assert_eq!(owner(55), None);
        assert_eq!(owner(16383), None);
        assert_eq!(map.nodes().len(), 2);
    }

    #[test]
    fn what_is_no_answer_is_refused() {
        let port = Value::Array(vec![row(0, 5, host("a"), 70_000)]);
        let order = Value::Array(vec![row(-1, 5, host("a"), 1)]);
        for answer in [Value::Nil, Value::Okay, Value::Array(vec![]), port, order] {
            assert_eq!(SlotMap::parse(&answer, "here"), None);
        }
    }
}
