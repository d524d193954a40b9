//! Reading a pattern from left to right: the grammar, and nothing but the grammar.

use core::marker::PhantomData;

use super::alphabet::Alphabet;
use super::element::{Class, Element, Range};
use super::error::{PatternError, PatternErrorKind};

/// One token of a pattern.
pub(super) enum Token {
    /// Any run of units, also none.
    Star,
    /// Exactly one unit.
    Element(Element),
}

/// The tokens of a pattern. Every pattern has a reading; what is doubtful is noted.
pub(super) struct Parser<'a, A: ?Sized> {
    rest: &'a [u8],
    length: usize,
    doubt: Option<PatternError>,
    alphabet: PhantomData<fn(&A)>,
}

impl<'a, A: Alphabet + ?Sized> Parser<'a, A> {
    pub(super) fn new(pattern: &'a A) -> Self {
        let rest = pattern.pattern_bytes();
        Self { rest, length: rest.len(), doubt: None, alphabet: PhantomData }
    }

    /// The first doubt met so far.
    pub(super) fn doubt(&self) -> Option<PatternError> {
        self.doubt
    }

    fn offset(&self) -> usize {
        self.length - self.rest.len()
    }

    fn note(&mut self, kind: PatternErrorKind, position: usize) {
        self.doubt.get_or_insert(PatternError::new(kind, position));
    }

    fn unit(&mut self) -> Option<u32> {
        let (unit, width) = A::first(self.rest)?;
        self.rest = self.rest.get(width..)?;
        Some(unit)
    }

    /// The class whose `[` has just been read at `open`.
    fn class(&mut self, open: usize) -> Element {
        let negated = self.negation();
        let mut ranges: Vec<Range> = Vec::new();
        loop {
            let position = self.offset();
            let Some(unit) = self.unit() else {
                self.note(PatternErrorKind::UnclosedClass, open);
                break;
            };
            let range = match u8::try_from(unit) {
                Ok(b']') if ranges.is_empty() => {
                    self.note(PatternErrorKind::EmptyClass, open);
                    break;
                }
                Ok(b']') => break,
                Ok(b'\\') => {
                    let escaped = self.unit().unwrap_or(unit);
                    (escaped, escaped)
                }
                _ => match self.range_end() {
                    Some(end) if end < unit => {
                        self.note(PatternErrorKind::ReversedRange, position);
                        (end, unit)
                    }
                    Some(end) => (unit, end),
                    None => (unit, unit),
                },
            };
            ranges.push(range);
        }
        Class::element(ranges, negated, A::LAST)
    }

    fn negation(&mut self) -> bool {
        let rest = self.rest.strip_prefix(b"^");
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    /// The end of a range whose first unit has just been read, if a range it is: a hyphen
    /// right before `]`, or at the end of the pattern, is a member.
    fn range_end(&mut self) -> Option<u32> {
        let after_hyphen = self.rest.strip_prefix(b"-")?;
        let (end, width) = A::first(after_hyphen)?;
        if end == u32::from(b']') {
            return None;
        }
        self.rest = after_hyphen.get(width..)?;
        Some(end)
    }
}

impl<A: Alphabet + ?Sized> Iterator for Parser<'_, A> {
    type Item = Token;

    fn next(&mut self) -> Option<Token> {
        let position = self.offset();
        let unit = self.unit()?;
        Some(match u8::try_from(unit) {
            Ok(b'*') => Token::Star,
            Ok(b'?') => Token::Element(Element::Any),
            Ok(b'[') => Token::Element(self.class(position)),
            Ok(b'\\') => Token::Element(Element::Unit(self.unit().unwrap_or_else(|| {
                self.note(PatternErrorKind::TrailingBackslash, position);
                unit
            }))),
            _ => Token::Element(Element::Unit(unit)),
        })
    }
}
