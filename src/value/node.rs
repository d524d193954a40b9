//! The shared node behind a list or a dict: its items, and facts about everything below it.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Value;

/// The items of one list or dict. Immutable once shared, so the facts stay true.
#[derive(Clone)]
pub(super) struct Node<C> {
    pub(super) items: C,
    pub(super) facts: Facts,
}

/// The node of a list.
pub(super) type ListNode = Node<Vec<Value>>;

/// The node of a dict.
pub(super) type DictNode = Node<BTreeMap<Arc<str>, Value>>;

/// What is known of a whole tree without walking it, gathered from the children when a node is
/// built. Structurally equal trees have equal facts.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Facts {
    /// Levels of containers; saturating, 0 for a scalar.
    depth: u32,
    /// Whether a NaN is anywhere inside. IEEE equality is false for every such tree.
    pub(super) has_nan: bool,
}

impl Facts {
    /// The facts of an empty container.
    pub(super) const EMPTY: Self = Self { depth: 1, has_nan: false };

    /// The facts of a value that is no container.
    pub(super) const fn scalar(has_nan: bool) -> Self {
        Self { depth: 0, has_nan }
    }

    /// The facts of a container with these children.
    pub(super) fn of<'a>(children: impl Iterator<Item = &'a Value>) -> Self {
        children.fold(Self::EMPTY, |all, child| {
            let child = child.as_ref().facts();
            Self {
                depth: all.depth.max(child.depth.saturating_add(1)),
                has_nan: all.has_nan || child.has_nan,
            }
        })
    }

    pub(super) fn depth(self) -> usize {
        usize::try_from(self.depth).unwrap_or(usize::MAX)
    }

    /// Whether no child is a container.
    pub(super) const fn is_flat(self) -> bool {
        self.depth <= 1
    }
}

/// Which node a container is, for telling shared nodes apart without looking inside.
#[derive(Clone, Copy)]
pub(super) struct Identity {
    /// The address of the node; 0 for the empty container, which has none.
    pub(super) address: usize,
    pub(super) facts: Facts,
    /// Whether the node has more than one owner. While a tree is borrowed, a node that can be
    /// reached in it by two ways always counts as shared.
    pub(super) shared: bool,
}

impl Identity {
    /// The identity of a container; one without a node is empty.
    pub(super) fn of<C>(node: Option<&Arc<Node<C>>>) -> Self {
        node.map_or(Self { address: 0, facts: Facts::EMPTY, shared: false }, |node| Self {
            address: Arc::as_ptr(node).addr(),
            facts: node.facts,
            shared: Arc::strong_count(node) > 1,
        })
    }
}
