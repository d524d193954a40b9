//! A run of elements at one end of a pattern: it has one place in a key, so it is compared,
//! not searched.

use core::ops::Range;

use super::alphabet::Alphabet;
use super::element::{Class, Element};

/// Elements that match from one end of a text.
#[derive(Clone)]
pub(super) struct Run {
    literals: Box<[u8]>,
    steps: Box<[Step]>,
}

#[derive(Clone)]
enum Step {
    /// These bytes of `literals`, which is as long a stretch of literal text as there is.
    Literal(Range<usize>),
    /// So many units of any kind.
    Any(usize),
    /// A unit of the class.
    Class(Box<Class>),
}

impl Run {
    pub(super) fn new<A: Alphabet + ?Sized>(elements: impl Iterator<Item = Element>) -> Self {
        let mut literals = Vec::new();
        let mut steps = Vec::new();
        for element in elements {
            match element {
                Element::Unit(unit) => {
                    let start = literals.len();
                    A::encode(unit, &mut literals);
                    match steps.last_mut() {
                        Some(Step::Literal(literal)) => literal.end = literals.len(),
                        _ => steps.push(Step::Literal(start..literals.len())),
                    }
                }
                Element::Any => match steps.last_mut() {
                    Some(Step::Any(count)) => *count += 1,
                    _ => steps.push(Step::Any(1)),
                },
                Element::Class(class) => steps.push(Step::Class(class)),
                Element::Never => {}
            }
        }
        Self { literals: literals.into_boxed_slice(), steps: steps.into_boxed_slice() }
    }

    /// The bytes of this run, if it has nothing but literal text.
    pub(super) fn as_literal(&self) -> Option<&[u8]> {
        match *self.steps {
            [] | [Step::Literal(_)] => Some(&self.literals),
            _ => None,
        }
    }

    /// The text after this run; `None` if the text does not start with it.
    #[inline]
    pub(super) fn strip_prefix<'t, A>(&self, mut text: &'t [u8]) -> Option<&'t [u8]>
    where
        A: Alphabet + ?Sized,
    {
        for step in &self.steps {
            text = match step {
                Step::Literal(literal) => text.strip_prefix(self.literals.get(literal.clone())?)?,
                Step::Any(count) => A::skip_front(text, *count)?,
                Step::Class(class) => {
                    let (unit, width) = A::first(text)?;
                    if !class.contains(unit) {
                        return None;
                    }
                    text.get(width..)?
                }
            };
        }
        Some(text)
    }

    /// The text before this run; `None` if the text does not end with it.
    #[inline]
    pub(super) fn strip_suffix<'t, A>(&self, mut text: &'t [u8]) -> Option<&'t [u8]>
    where
        A: Alphabet + ?Sized,
    {
        for step in self.steps.iter().rev() {
            text = match step {
                Step::Literal(literal) => text.strip_suffix(self.literals.get(literal.clone())?)?,
                Step::Any(count) => A::skip_back(text, *count)?,
                Step::Class(class) => {
                    let (unit, width) = A::last(text)?;
                    if !class.contains(unit) {
                        return None;
                    }
                    text.get(..text.len() - width)?
                }
            };
        }
        Some(text)
    }
}
