//! `Display` and `Debug` of values, without recursion.

use core::fmt::{self, Display, Formatter, Write};

use super::dict::DictIter;
use super::{Value, ValueRef};

/// How values are written.
#[derive(Clone, Copy)]
enum Style {
    /// JSON-like text.
    Text,
    /// With the kind around every value.
    Kinds,
}

/// A container whose items are being written.
struct Level<'a> {
    items: Items<'a>,
    is_first: bool,
}

enum Items<'a> {
    List(core::slice::Iter<'a, Value>),
    Dict(DictIter<'a>),
}

/// Text for people. Width and precision apply to a scalar that is not inside a container.
pub(super) fn display(value: ValueRef<'_>, f: &mut Formatter<'_>) -> fmt::Result {
    match value {
        ValueRef::Null => f.pad("null"),
        ValueRef::Bool(b) => b.fmt(f),
        ValueRef::Int(int) => int.fmt(f),
        // `Debug` of a float keeps the point in `1.0` and is short for huge and tiny numbers.
        ValueRef::Float(float) => fmt::Debug::fmt(&float, f),
        ValueRef::Str(text) => f.pad(text),
        _ => write_tree(value, Style::Text, f),
    }
}

/// Text for programmers, always on one line.
pub(super) fn debug(value: ValueRef<'_>, f: &mut Formatter<'_>) -> fmt::Result {
    write_tree(value, Style::Kinds, f)
}

fn write_tree(root: ValueRef<'_>, style: Style, f: &mut Formatter<'_>) -> fmt::Result {
    let mut open: Vec<Level<'_>> = Vec::new();
    let mut current = root;
    loop {
        style.write_head(current, f)?;
        match current {
            ValueRef::List(list) => {
                open.push(Level { items: Items::List(list.iter()), is_first: true });
            }
            ValueRef::Dict(dict) => {
                open.push(Level { items: Items::Dict(dict.iter()), is_first: true });
            }
            _ => {}
        }
        // Close what is complete, up to the container that has an item left.
        current = loop {
            let Some(level) = open.last_mut() else {
                return Ok(());
            };
            if let Some(item) = level.next_item(style, f)? {
                break item;
            }
            f.write_str(level.close(style))?;
            open.pop();
        };
    }
}

impl<'a> Level<'a> {
    /// Writes what stands before the next item, and returns the item.
    fn next_item(
        &mut self,
        style: Style,
        f: &mut Formatter<'_>,
    ) -> Result<Option<ValueRef<'a>>, fmt::Error> {
        let (key, item) = match &mut self.items {
            Items::List(items) => match items.next() {
                Some(item) => (None, item),
                None => return Ok(None),
            },
            Items::Dict(items) => match items.next() {
                Some((key, item)) => (Some(key), item),
                None => return Ok(None),
            },
        };
        if !core::mem::take(&mut self.is_first) {
            f.write_str(", ")?;
        }
        if let Some(key) = key {
            style.write_quoted(key, f)?;
            f.write_str(": ")?;
        }
        Ok(Some(item.as_ref()))
    }

    /// What stands after the last item.
    const fn close(&self, style: Style) -> &'static str {
        match (style, &self.items) {
            (Style::Text, Items::List(_)) => "]",
            (Style::Text, Items::Dict(_)) => "}",
            (Style::Kinds, Items::List(_)) => "])",
            (Style::Kinds, Items::Dict(_)) => "})",
        }
    }
}

impl Style {
    fn write_quoted(self, text: &str, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text => write_json_string(text, f),
            Self::Kinds => write!(f, "{text:?}"),
        }
    }

    /// Writes a whole scalar as it stands inside a container, or what opens a container.
    fn write_head(self, value: ValueRef<'_>, f: &mut Formatter<'_>) -> fmt::Result {
        match (self, value) {
            (Self::Text, ValueRef::Null) => f.write_str("null"),
            (Self::Text, ValueRef::Bool(b)) => write!(f, "{b}"),
            (Self::Text, ValueRef::Int(int)) => write!(f, "{int}"),
            (Self::Text, ValueRef::Float(float)) => write!(f, "{float:?}"),
            (Self::Text, ValueRef::Str(text)) => write_json_string(text, f),
            (Self::Text, ValueRef::Bytes(bytes)) => write!(f, "b\"{}\"", bytes.escape_ascii()),
            (Self::Text, ValueRef::List(_)) => f.write_str("["),
            (Self::Text, ValueRef::Dict(_)) => f.write_str("{"),
            (Self::Kinds, ValueRef::Null) => f.write_str("Null"),
            (Self::Kinds, ValueRef::Bool(b)) => write!(f, "Bool({b})"),
            (Self::Kinds, ValueRef::Int(int)) => write!(f, "Int({int})"),
            (Self::Kinds, ValueRef::Float(float)) => write!(f, "Float({float:?})"),
            (Self::Kinds, ValueRef::Str(text)) => write!(f, "Str({text:?})"),
            (Self::Kinds, ValueRef::Bytes(bytes)) => {
                write!(f, "Bytes(b\"{}\")", bytes.escape_ascii())
            }
            (Self::Kinds, ValueRef::List(_)) => f.write_str("List(["),
            (Self::Kinds, ValueRef::Dict(_)) => f.write_str("Dict({"),
        }
    }
}

/// Writes a string as a JSON string literal.
fn write_json_string(text: &str, f: &mut Formatter<'_>) -> fmt::Result {
    f.write_char('"')?;
    for c in text.chars() {
        match c {
            '"' => f.write_str("\\\"")?,
            '\\' => f.write_str("\\\\")?,
            '\n' => f.write_str("\\n")?,
            '\r' => f.write_str("\\r")?,
            '\t' => f.write_str("\\t")?,
            c if c < ' ' => write!(f, "\\u{:04x}", u32::from(c))?,
            c => f.write_char(c)?,
        }
    }
    f.write_char('"')
}
