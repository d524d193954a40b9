//! What a pattern compiles to: the cheapest way to decide whether a key matches.

use core::mem;

use super::alphabet::Alphabet;
use super::element::Element;
use super::masks::{Masks, MasksBuilder, Place};
use super::parser::{Parser, Token};
use super::run::Run;
use super::substring::Substring;

/// How keys are matched.
#[derive(Clone)]
pub(super) enum Plan {
    /// No key.
    Nothing,
    /// Every key.
    All,
    /// The key that is this text.
    Exact(Box<[u8]>),
    /// Keys that start with this text.
    Prefix(Prefix),
    /// Keys that end with this text.
    Suffix(Box<[u8]>),
    /// Keys that have this text anywhere.
    Contains(Substring),
    /// Keys that are this run.
    Fixed(Run),
    /// The rest: a run at each end, and at least one star between them.
    General(Box<General>),
}

/// The beginning of a key. Its first bytes are compared as one word, which for most
/// keys decides without a call.
#[derive(Clone)]
pub(super) struct Prefix {
    text: Box<[u8]>,
    /// The first eight bytes, or all and zeros.
    head: u64,
    /// Which bits of `head` count.
    mask: u64,
}

impl Prefix {
    pub(super) fn new(text: &[u8]) -> Self {
        let (mut head, mut mask) = ([0; 8], [0; 8]);
        for ((head, mask), byte) in head.iter_mut().zip(&mut mask).zip(text) {
            (*head, *mask) = (*byte, u8::MAX);
        }
        let (head, mask) = (u64::from_ne_bytes(head), u64::from_ne_bytes(mask));
        Self { text: text.into(), head, mask }
    }

    #[inline]
    fn is_of(&self, key: &[u8]) -> bool {
        match key.first_chunk() {
            Some(first) => {
                (u64::from_ne_bytes(*first) ^ self.head) & self.mask == 0
                    && (self.text.len() <= 8 || key.starts_with(&self.text))
            }
            None => key.starts_with(&self.text),
        }
    }
}

/// Pieces between stars.
///
/// All elements but the star match exactly one unit, so taking each piece at its leftmost
/// place leaves the most text to the pieces after it: nothing is ever tried twice.
#[derive(Clone)]
pub(super) struct General {
    /// A key with fewer bytes cannot match.
    min_len: usize,
    head: Run,
    pieces: Box<[Piece]>,
    masks: Masks,
    /// How many units must be left between the last piece and the tail.
    gap: usize,
    tail: Run,
}

/// Elements with a star on both sides. Those that match any unit and stand next to a star
/// are counted, not searched.
#[derive(Clone)]
struct Piece {
    /// How many units of any kind come before the piece.
    gap: usize,
    finder: Finder,
}

#[derive(Clone)]
enum Finder {
    Literal(Substring),
    Masked(Place),
}

impl Plan {
    /// Takes O(n log n) for a pattern of n bytes, and O(n) memory.
    pub(super) fn new<A: Alphabet + ?Sized>(tokens: &mut Parser<'_, A>) -> Self {
        let mut builder = PlanBuilder::default();
        for token in tokens {
            match token {
                Token::Star => builder.star::<A>(),
                Token::Element(element) => builder.push(element),
            }
        }
        builder.build::<A>()
    }

    #[inline]
    pub(super) fn is_match<A: Alphabet + ?Sized>(&self, key: &[u8]) -> bool {
        match self {
            Self::Nothing => false,
            Self::All => true,
            Self::Exact(text) => key == &**text,
            Self::Prefix(prefix) => prefix.is_of(key),
            Self::Suffix(text) => key.ends_with(text),
            Self::Contains(text) => text.find(key).is_some(),
            Self::Fixed(run) => run.strip_prefix::<A>(key).is_some_and(<[u8]>::is_empty),
            Self::General(general) => general.find::<A>(key).is_some(),
        }
    }
}

impl General {
    /// What is left of the key for the last star; `None` if the key does not match.
    fn find<'k, A: Alphabet + ?Sized>(&self, key: &'k [u8]) -> Option<&'k [u8]> {
        if key.len() < self.min_len {
            return None;
        }
        let rest = self.head.strip_prefix::<A>(key)?;
        let mut rest = self.tail.strip_suffix::<A>(rest)?;
        for piece in &self.pieces {
            rest = A::skip_front(rest, piece.gap)?;
            rest = match &piece.finder {
                Finder::Literal(literal) => literal.find(rest)?,
                Finder::Masked(place) => self.masks.find::<A>(place, rest)?,
            };
        }
        A::skip_front(rest, self.gap)
    }
}

/// Collects elements up to the next star.
#[derive(Default)]
struct PlanBuilder {
    never: bool,
    min_len: usize,
    /// The elements since the last star.
    elements: Vec<Element>,
    /// What came before the first star, if there has been one.
    head: Option<Run>,
    pieces: Vec<Piece>,
    masks: MasksBuilder,
    /// How many units of any kind have come since the last piece.
    gap: usize,
}

impl PlanBuilder {
    fn push(&mut self, element: Element) {
        self.never |= matches!(element, Element::Never);
        self.min_len += 1;
        self.elements.push(element);
    }

    fn star<A: Alphabet + ?Sized>(&mut self) {
        if self.head.is_none() {
            self.head = Some(Run::new::<A>(self.elements.drain(..)));
        } else {
            self.piece::<A>();
        }
    }

    /// Makes a piece of the elements between two stars.
    fn piece<A: Alphabet + ?Sized>(&mut self) {
        let is_any = |element: &&Element| matches!(element, Element::Any);
        let leading = self.elements.iter().take_while(is_any).count();
        let elements = self.elements.get(leading..).unwrap_or_default();
        let trailing = elements.iter().rev().take_while(is_any).count();
        let elements = elements.get(..elements.len() - trailing).unwrap_or_default();
        self.gap += leading;
        if !elements.is_empty() {
            let finder = match literal::<A>(elements) {
                Some(text) => Finder::Literal(Substring::new(text)),
                None => Finder::Masked(self.masks.place(elements)),
            };
            self.pieces.push(Piece { gap: mem::take(&mut self.gap), finder });
        }
        self.gap += trailing;
        self.elements.clear();
    }

    fn build<A: Alphabet + ?Sized>(mut self) -> Plan {
        if self.never {
            return Plan::Nothing;
        }
        let tail = Run::new::<A>(self.elements.drain(..));
        let Some(head) = self.head else {
            return match tail.as_literal() {
                Some(text) => Plan::Exact(text.into()),
                None => Plan::Fixed(tail),
            };
        };
        match (head.as_literal(), &*self.pieces, self.gap, tail.as_literal()) {
            (Some([]), [], 0, Some([])) => Plan::All,
            (Some(text), [], 0, Some([])) => Plan::Prefix(Prefix::new(text)),
            (Some([]), [], 0, Some(text)) => Plan::Suffix(text.into()),
            (Some([]), [Piece { gap: 0, finder: Finder::Literal(text) }], 0, Some([])) => {
                Plan::Contains(text.clone())
            }
            _ => Plan::General(Box::new(General {
                min_len: self.min_len,
                head,
                pieces: self.pieces.into_boxed_slice(),
                masks: self.masks.build(),
                gap: self.gap,
                tail,
            })),
        }
    }
}

/// The text of elements that have no other; `None` if there is a wildcard among them.
fn literal<A: Alphabet + ?Sized>(elements: &[Element]) -> Option<Box<[u8]>> {
    let mut text = Vec::new();
    for element in elements {
        match element {
            Element::Unit(unit) => A::encode(*unit, &mut text),
            _ => return None,
        }
    }
    Some(text.into_boxed_slice())
}
