//! Equality of values, by IEEE rules or bit for bit, without recursion.

use std::collections::HashSet;

use super::node::Identity;
use super::{Dict, List, Value, ValueRef};

/// When two floats are equal.
#[derive(Clone, Copy)]
pub(super) enum Floats {
    /// As `==` on `f64`: NaN equals nothing, `-0.0` equals `0.0`.
    Ieee,
    /// Same bits.
    Bits,
}

/// Two containers of one kind whose items have to be compared.
enum Pair<'a> {
    Lists(&'a List, &'a List),
    Dicts(&'a Dict, &'a Dict),
}

/// What a look at two values without going inside tells.
enum Verdict<'a> {
    Known(bool),
    Open(Pair<'a>),
}

/// A comparison that has found no difference so far.
struct Comparison<'a> {
    floats: Floats,
    /// Pairs to look into, in any order: one difference anywhere decides.
    pending: Vec<Pair<'a>>,
    /// The nodes of pairs that several ways may lead to; they need no second visit.
    met: HashSet<(usize, usize)>,
}

/// Whether two values are equal.
///
/// Time is linear in the smaller value; where nodes are shared within a value it is at most the
/// product of the numbers of nodes, because no pair is looked into twice.
pub(super) fn equal<'a>(a: ValueRef<'a>, b: ValueRef<'a>, floats: Floats) -> bool {
    let mut next = match judge(a, b, floats) {
        Verdict::Known(answer) => return answer,
        Verdict::Open(pair) => Some(pair),
    };
    let mut comparison = Comparison { floats, pending: Vec::new(), met: HashSet::new() };
    while let Some(pair) = next {
        if !comparison.look_into(&pair) {
            return false;
        }
        next = comparison.pending.pop();
    }
    true
}

impl<'a> Comparison<'a> {
    /// Compares the items of two containers; `false` if they surely differ.
    fn look_into(&mut self, pair: &Pair<'a>) -> bool {
        match *pair {
            Pair::Lists(a, b) => {
                a.len() == b.len() && a.iter().zip(b).all(|(a, b)| self.admit(a, b))
            }
            Pair::Dicts(a, b) => {
                a.len() == b.len()
                    && a.iter()
                        .zip(b)
                        .all(|((a_key, a), (b_key, b))| a_key == b_key && self.admit(a, b))
            }
        }
    }

    /// Compares two items, or leaves them for later; `false` if they surely differ.
    fn admit(&mut self, a: &'a Value, b: &'a Value) -> bool {
        match judge(a.as_ref(), b.as_ref(), self.floats) {
            Verdict::Known(answer) => answer,
            Verdict::Open(pair) => {
                if pair.is_met_once() || self.met.insert(pair.addresses()) {
                    self.pending.push(pair);
                }
                true
            }
        }
    }
}

/// Compares two values as far as that goes without looking at the items of containers.
fn judge<'a>(a: ValueRef<'a>, b: ValueRef<'a>, floats: Floats) -> Verdict<'a> {
    use ValueRef as V;
    Verdict::Known(match (a, b) {
        (V::Null, V::Null) => true,
        (V::Bool(a), V::Bool(b)) => a == b,
        (V::Int(a), V::Int(b)) => a == b,
        (V::Float(a), V::Float(b)) => match floats {
            Floats::Ieee => a == b,
            Floats::Bits => a.to_bits() == b.to_bits(),
        },
        (V::Str(a), V::Str(b)) => a == b,
        (V::Bytes(a), V::Bytes(b)) => a == b,
        (V::List(a), V::List(b)) => match judge_nodes(a.identity(), b.identity(), floats) {
            Some(answer) => answer,
            None => return Verdict::Open(Pair::Lists(a, b)),
        },
        (V::Dict(a), V::Dict(b)) => match judge_nodes(a.identity(), b.identity(), floats) {
            Some(answer) => answer,
            None => return Verdict::Open(Pair::Dicts(a, b)),
        },
        _ => false,
    })
}

/// What the facts and addresses of two containers tell.
fn judge_nodes(a: Identity, b: Identity, floats: Floats) -> Option<bool> {
    match floats {
        // Has to come first: with a NaN inside, a node is not even equal to itself.
        Floats::Ieee if a.facts.has_nan || b.facts.has_nan => Some(false),
        _ if a.facts != b.facts => Some(false),
        _ if a.address == b.address => Some(true),
        _ => None,
    }
}

impl Pair<'_> {
    fn identities(&self) -> (Identity, Identity) {
        match self {
            Self::Lists(a, b) => (a.identity(), b.identity()),
            Self::Dicts(a, b) => (a.identity(), b.identity()),
        }
    }

    /// Whether only one way leads to this pair, so that it need not be remembered.
    fn is_met_once(&self) -> bool {
        let (a, b) = self.identities();
        !a.shared && !b.shared
    }

    fn addresses(&self) -> (usize, usize) {
        let (a, b) = self.identities();
        (a.address, b.address)
    }
}
