//! Dropping nested values without recursion.
//!
//! The last owner of a node moves those children that are containers themselves to a work list,
//! and so on until the list is empty; the stack stays flat however deep the value is. A node that
//! somebody else still holds only loses one owner. Every node is taken apart by exactly one
//! thread, so a value whose nodes are shared costs its number of nodes, not its number of paths.

use super::Value;
use super::node::{DictNode, ListNode};

/// Drops a list that has no owner left.
pub(super) fn drop_list(node: ListNode) {
    if node.facts.is_flat() {
        return;
    }
    // The items themselves are the first work list: a chain of lists allocates nothing here.
    drop_all(node.items);
}

/// Drops a dict that has no owner left.
pub(super) fn drop_dict(node: DictNode) {
    if node.facts.is_flat() {
        return;
    }
    drop_all(node.items.into_values().filter(is_container).collect());
}

fn drop_all(mut work: Vec<Value>) {
    while let Some(value) = work.pop() {
        match value {
            Value::List(mut list) => {
                if let Some(node) = list.take_last().filter(|node| !node.facts.is_flat()) {
                    work.extend(node.items.into_iter().filter(is_container));
                }
            }
            Value::Dict(mut dict) => {
                if let Some(node) = dict.take_last().filter(|node| !node.facts.is_flat()) {
                    work.extend(node.items.into_values().filter(is_container));
                }
            }
            _ => {}
        }
    }
}

fn is_container(value: &Value) -> bool {
    matches!(value, Value::List(_) | Value::Dict(_))
}
