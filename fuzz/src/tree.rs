//! Values once more, as plain recursive data: what a value should be.

use super::bytes::Bytes;
use epochkv::{Dict, Input, Kind, List, Value, ValueRef};
use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::fmt::{self, Write};
use std::sync::Arc;

/// The content of a value.
#[derive(Clone, Debug)]
pub enum Tree {
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    Str(String),
    Bytes(Vec<u8>),
    List(Vec<Tree>),
    Dict(BTreeMap<String, Tree>),
}

const FLOATS: &[f64] =
    &[0.0, -0.0, 1.0, f64::NAN, -f64::NAN, f64::INFINITY, f64::MIN_POSITIVE / 2.0, 1e300];

const INTS: &[i64] = &[i64::MAX, i64::MIN, (1 << 62) - 1, 1 << 62, -(1 << 62) - 1, 256, -129];

/// What one container holds at most.
const ITEMS: usize = 5;

/// Levels that are drawn; a chain adds more.
const LEVELS: usize = 4;

/// Levels of a chain of containers of one item, around the limit of the store.
const CHAINS: &[usize] = &[1, 120, 127, 128, 129, 300];

impl Tree {
    pub fn draw(bytes: &mut Bytes<'_>) -> Self {
        Self::draw_below(bytes, LEVELS, true)
    }

    /// Without chains, which take long to make.
    pub fn draw_small(bytes: &mut Bytes<'_>) -> Self {
        Self::draw_below(bytes, 2, false)
    }

    fn draw_below(bytes: &mut Bytes<'_>, levels: usize, chains: bool) -> Self {
        let containers = if levels == 0 { 0 } else { 2 + usize::from(chains) };
        let inner = |bytes: &mut Bytes<'_>| Self::draw_below(bytes, levels - 1, chains);
        match bytes.below(11 + containers) {
            0 => Self::Null,
            1 => Self::Bool(bytes.bool()),
            2 => Self::Int(i64::from(bytes.byte() as i8)),
            3 => Self::Int(bytes.pick(INTS)),
            4 => Self::Int(bytes.i64()),
            5 => Self::Float(bytes.pick(FLOATS)),
            6 => Self::Float(f64::from_bits(bytes.u64())),
            7 => Self::Str(text(bytes)),
            8 => Self::Bytes(few_bytes(bytes).to_vec()),
            // Longer than what is copied into an entry.
            9 => Self::Str("long".repeat(200 + bytes.below(200))),
            10 => Self::Bytes(vec![bytes.byte(); 1000 + bytes.below(100)]),
            11 => Self::List(bytes.few(ITEMS, inner)),
            12 => Self::dict(bytes.few(ITEMS, |bytes| (text(bytes), inner(bytes)))),
            _ => Self::chain(bytes, levels),
        }
    }

    fn dict(entries: Vec<(String, Self)>) -> Self {
        Self::Dict(entries.into_iter().collect())
    }

    fn chain(bytes: &mut Bytes<'_>, levels: usize) -> Self {
        let (lists, length) = (bytes.bool(), bytes.pick(CHAINS));
        let inner = Self::draw_below(bytes, levels.saturating_sub(2), true);
        (0..length).fold(inner, |inner, _| match lists {
            true => Self::List(vec![inner]),
            false => Self::dict(vec![("k".into(), inner)]),
        })
    }

    pub fn kind(&self) -> Kind {
        match self {
            Self::Null => Kind::Null,
            Self::Bool(_) => Kind::Bool,
            Self::Int(_) => Kind::Int,
            Self::Float(_) => Kind::Float,
            Self::Str(_) => Kind::Str,
            Self::Bytes(_) => Kind::Bytes,
            Self::List(_) => Kind::List,
            Self::Dict(_) => Kind::Dict,
        }
    }

    pub fn depth(&self) -> usize {
        let above = |depth: Option<usize>| depth.map_or(1, |depth| depth + 1);
        match self {
            Self::List(items) => above(items.iter().map(Self::depth).max()),
            Self::Dict(entries) => above(entries.values().map(Self::depth).max()),
            _ => 0,
        }
    }

    /// The value, by the shortest way.
    pub fn to_value(&self) -> Value {
        self.value_by(&mut Bytes::new(&[]))
    }

    /// The value, by one of the ways that lead to it, drawn anew for each part.
    pub fn value_by(&self, way: &mut Bytes<'_>) -> Value {
        match self {
            Self::Null if way.bool() => Value::from(None::<i64>),
            Self::Null => Value::Null,
            Self::Bool(it) => (*it).into(),
            Self::Int(it) => match (way.below(3), u32::try_from(*it)) {
                (0, _) => Value::from(*it),
                (1, Ok(it)) => Value::from(it),
                _ => Value::try_from(i128::from(*it)).expect("it fits"),
            },
            Self::Float(it) => (*it).into(),
            Self::Str(it) => match way.below(4) {
                0 => it.as_str().into(),
                1 => it.clone().into(),
                2 => Input::from(Cow::<str>::Owned(it.clone())).into_value(),
                _ => Arc::<str>::from(it.as_str()).into(),
            },
            Self::Bytes(it) => match way.below(4) {
                0 => it.as_slice().into(),
                1 => it.clone().into(),
                2 => Input::from(it.clone().into_boxed_slice()).into_value(),
                _ => Value::bytes(it.as_slice()),
            },
            Self::List(items) => {
                let items: Vec<_> = items.iter().map(|item| item.value_by(way)).collect();
                match way.below(5) {
                    0 => Value::list(items),
                    1 => items.into(),
                    2 => VecDeque::from(items).into(),
                    3 => items.as_slice().into(),
                    _ => List::from(items).into(),
                }
            }
            Self::Dict(entries) => {
                let entries = entries.iter().map(|(key, item)| (key.clone(), item.value_by(way)));
                let entries: Vec<_> = entries.collect();
                match way.below(4) {
                    0 => Value::dict(entries),
                    1 => entries.into_iter().collect::<BTreeMap<_, _>>().into(),
                    2 => entries.into_iter().collect::<HashMap<_, _>>().into(),
                    _ => entries.into_iter().collect::<Dict>().into(),
                }
            }
        }
    }

    /// Whether a value is this, bit for bit.
    pub fn is(&self, value: ValueRef<'_>) -> bool {
        match (self, value) {
            (Self::Null, ValueRef::Null) => true,
            (Self::Bool(one), ValueRef::Bool(other)) => *one == other,
            (Self::Int(one), ValueRef::Int(other)) => *one == other,
            (Self::Float(one), ValueRef::Float(other)) => one.to_bits() == other.to_bits(),
            (Self::Str(one), ValueRef::Str(other)) => one == other,
            (Self::Bytes(one), ValueRef::Bytes(other)) => one == other,
            (Self::List(one), ValueRef::List(other)) => {
                one.len() == other.len()
                    && one.iter().zip(other).all(|(one, other)| one.is(other.as_ref()))
            }
            (Self::Dict(one), ValueRef::Dict(other)) => {
                one.len() == other.len()
                    && one
                        .iter()
                        .zip(other)
                        .all(|(one, other)| one.0 == other.0 && one.1.is(other.1.as_ref()))
            }
            _ => false,
        }
    }

    /// Whether both are equal, floats by the given rule.
    pub fn equals(&self, other: &Self, floats: fn(f64, f64) -> bool) -> bool {
        match (self, other) {
            (Self::Null, Self::Null) => true,
            (Self::Bool(one), Self::Bool(other)) => one == other,
            (Self::Int(one), Self::Int(other)) => one == other,
            (Self::Float(one), Self::Float(other)) => floats(*one, *other),
            (Self::Str(one), Self::Str(other)) => one == other,
            (Self::Bytes(one), Self::Bytes(other)) => one == other,
            (Self::List(one), Self::List(other)) => {
                one.len() == other.len()
                    && one.iter().zip(other).all(|(one, other)| one.equals(other, floats))
            }
            (Self::Dict(one), Self::Dict(other)) => {
                one.len() == other.len()
                    && one
                        .iter()
                        .zip(other)
                        .all(|(one, other)| one.0 == other.0 && one.1.equals(other.1, floats))
            }
            _ => false,
        }
    }

    /// What `Debug` prints.
    pub fn debug(&self) -> String {
        let mut text = String::new();
        self.write_debug(&mut text).expect("a string takes all");
        text
    }

    fn write_debug(&self, text: &mut String) -> fmt::Result {
        match self {
            Self::Null => text.write_str("Null"),
            Self::Bool(it) => write!(text, "Bool({it})"),
            Self::Int(it) => write!(text, "Int({it})"),
            Self::Float(it) => write!(text, "Float({it:?})"),
            Self::Str(it) => write!(text, "Str({it:?})"),
            Self::Bytes(it) => write!(text, "Bytes(b\"{}\")", it.escape_ascii()),
            Self::List(items) => {
                text.write_str("List([")?;
                for (at, item) in items.iter().enumerate() {
                    text.write_str(if at > 0 { ", " } else { "" })?;
                    item.write_debug(text)?;
                }
                text.write_str("])")
            }
            Self::Dict(entries) => {
                text.write_str("Dict({")?;
                for (at, (key, item)) in entries.iter().enumerate() {
                    text.write_str(if at > 0 { ", " } else { "" })?;
                    write!(text, "{key:?}: ")?;
                    item.write_debug(text)?;
                }
                text.write_str("})")
            }
        }
    }
}

fn few_bytes<'a>(bytes: &mut Bytes<'a>) -> &'a [u8] {
    let len = bytes.below(12);
    bytes.take(len)
}

fn text(bytes: &mut Bytes<'_>) -> String {
    String::from_utf8_lossy(few_bytes(bytes)).into_owned()
}
