//! A source file with its mutants in it, each behind a switch.

use crate::list::Mutant;
use std::collections::HashMap;
use std::ops::Range;
use syn::spanned::Spanned;
use syn::visit::{self, Visit};

/// The mutants of one place, numbered one after the other.
pub struct Group {
    pub first: usize,
    pub mutants: Vec<Mutant>,
}

pub struct Switched {
    pub text: String,
    pub groups: Vec<Group>,
    /// Where in `text` the code of a mutant is.
    pub places: Vec<(Range<usize>, usize)>,
    /// Where in `text` a group is as a whole.
    pub wholes: Vec<(Range<usize>, Range<usize>)>,
}

/// What is put around a range of the source, or at a point of it.
struct Edit {
    range: Range<usize>,
    before: String,
    after: String,
    /// The mutants' code: what to write, by number.
    others: Vec<(usize, String)>,
    first: usize,
    count: usize,
}

struct Finder<'a> {
    source: &'a str,
    wanted: HashMap<(&'static str, (usize, usize)), Vec<Mutant>>,
    next: usize,
    edits: Vec<Edit>,
    groups: Vec<Group>,
    is_const: bool,
}

const GENRES: [&str; 5] =
    ["FnValue", "BinaryOperator", "UnaryOperator", "MatchArm", "MatchArmGuard"];

/// `next` is the first free number. What cannot be switched is left out.
pub fn switch(source: &str, mutants: Vec<Mutant>, next: usize) -> Switched {
    let file = syn::parse_file(source).expect("Rust");
    let mut wanted: HashMap<_, Vec<Mutant>> = HashMap::new();
    for mutant in mutants {
        if let Some(genre) = GENRES.iter().find(|genre| **genre == mutant.genre) {
            wanted.entry((*genre, mutant.start)).or_default().push(mutant);
        }
    }
    let mut finder =
        Finder { source, wanted, next, edits: vec![], groups: vec![], is_const: false };
    finder.visit_file(&file);
    let mut edits = finder.edits;
    edits.sort_by_key(|edit| (edit.range.start, usize::MAX - edit.range.end));
    let mut result =
        Switched { text: String::new(), groups: finder.groups, places: vec![], wholes: vec![] };
    write(source, 0..source.len(), &edits, &mut result);
    result
}

fn write(source: &str, range: Range<usize>, mut edits: &[Edit], to: &mut Switched) {
    let mut at = range.start;
    while let Some((edit, rest)) = edits.split_first() {
        // Those within are a prefix of what follows.
        let within = rest
            .iter()
            .take_while(|inner| {
                inner.range.end <= edit.range.end && inner.range.start < edit.range.end.max(1)
            })
            .count();
        let (inner, outer) = rest.split_at(within);
        to.text.push_str(&source[at..edit.range.start]);
        let start = to.text.len();
        to.text.push_str(&edit.before);
        write(source, edit.range.clone(), inner, to);
        for (id, text) in &edit.others {
            let arm = id - edit.first + 1;
            if arm == edit.count {
                to.text.push_str(", _ => ");
            } else {
                to.text.push_str(&format!(", {arm} => "));
            }
            let from = to.text.len();
            to.text.push_str(text);
            to.places.push((from..to.text.len(), *id));
        }
        to.text.push_str(&edit.after);
        if edit.count > 0 {
            to.wholes.push((start..to.text.len(), edit.first..edit.first + edit.count));
        }
        at = edit.range.end;
        edits = outer;
    }
    to.text.push_str(&source[at..range.end]);
}

fn position(span: proc_macro2::Span) -> (usize, usize) {
    (span.start().line, span.start().column + 1)
}

impl Finder<'_> {
    fn group(&mut self, genre: &'static str, at: (usize, usize)) -> Option<(usize, Vec<Mutant>)> {
        if self.is_const {
            return None;
        }
        let mutants = self.wanted.remove(&(genre, at))?;
        let first = self.next;
        self.next += mutants.len();
        self.groups.push(Group { first, mutants: mutants.clone() });
        Some((first, mutants))
    }

    /// One of several expressions in the place of the one at `range`.
    fn choose(&mut self, range: Range<usize>, first: usize, others: Vec<String>) {
        let count = others.len();
        self.edits.push(Edit {
            range,
            before: format!("(match {} {{ 0 => ", on(first, count)),
            after: " })".to_owned(),
            others: others.into_iter().enumerate().map(|(i, text)| (first + i, text)).collect(),
            first,
            count,
        });
    }

    fn function(&mut self, signature: &syn::Signature, block: &syn::Block) {
        let Some(statement) = block.stmts.first() else { return };
        if signature.constness.is_some() || self.returns_impl(signature) {
            return;
        }
        let Some((first, mutants)) = self.group("FnValue", position(statement.span())) else {
            return;
        };
        let at = block.brace_token.span.open().byte_range().end;
        let count = mutants.len();
        self.edits.push(Edit {
            range: at..at,
            before: format!(" match {} {{ 0 => {{}}", on(first, count)),
            after: " }".to_owned(),
            others: (first..)
                .zip(&mutants)
                .map(|(id, mutant)| (id, format!("return {}", mutant.replacement)))
                .collect(),
            first,
            count,
        });
    }

    fn returns_impl(&self, signature: &syn::Signature) -> bool {
        struct Seen(bool);
        impl Visit<'_> for Seen {
            fn visit_type_impl_trait(&mut self, _: &syn::TypeImplTrait) {
                self.0 = true;
            }
        }
        let mut seen = Seen(false);
        seen.visit_return_type(&signature.output);
        seen.0
    }

    fn as_const(&mut self, is_const: bool, visit: impl FnOnce(&mut Self)) {
        let before = self.is_const;
        self.is_const |= is_const;
        visit(self);
        self.is_const = before;
    }
}

fn on(first: usize, count: usize) -> String {
    format!("crate::switched::on({first}, {count})")
}

fn has_let(expr: &syn::Expr) -> bool {
    match expr {
        syn::Expr::Let(_) => true,
        syn::Expr::Binary(binary) => has_let(&binary.left) || has_let(&binary.right),
        _ => false,
    }
}

impl<'ast> Visit<'ast> for Finder<'_> {
    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        self.function(&item.sig, &item.block);
        self.as_const(item.sig.constness.is_some(), |it| visit::visit_item_fn(it, item));
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        self.function(&item.sig, &item.block);
        self.as_const(item.sig.constness.is_some(), |it| visit::visit_impl_item_fn(it, item));
    }

    fn visit_trait_item_fn(&mut self, item: &'ast syn::TraitItemFn) {
        if let Some(block) = &item.default {
            self.function(&item.sig, block);
        }
        self.as_const(item.sig.constness.is_some(), |it| visit::visit_trait_item_fn(it, item));
    }

    fn visit_item_const(&mut self, item: &'ast syn::ItemConst) {
        self.as_const(true, |it| visit::visit_item_const(it, item));
    }

    fn visit_impl_item_const(&mut self, item: &'ast syn::ImplItemConst) {
        self.as_const(true, |it| visit::visit_impl_item_const(it, item));
    }

    fn visit_trait_item_const(&mut self, item: &'ast syn::TraitItemConst) {
        self.as_const(true, |it| visit::visit_trait_item_const(it, item));
    }

    fn visit_item_static(&mut self, item: &'ast syn::ItemStatic) {
        self.as_const(true, |it| visit::visit_item_static(it, item));
    }

    fn visit_expr_const(&mut self, expr: &'ast syn::ExprConst) {
        self.as_const(true, |it| visit::visit_expr_const(it, expr));
    }

    fn visit_type_array(&mut self, array: &'ast syn::TypeArray) {
        self.as_const(true, |it| visit::visit_type_array(it, array));
    }

    fn visit_expr_repeat(&mut self, repeat: &'ast syn::ExprRepeat) {
        self.visit_expr(&repeat.expr);
        self.as_const(true, |it| it.visit_expr(&repeat.len));
    }

    fn visit_generic_argument(&mut self, argument: &'ast syn::GenericArgument) {
        self.as_const(true, |it| visit::visit_generic_argument(it, argument));
    }

    fn visit_expr_binary(&mut self, expr: &'ast syn::ExprBinary) {
        let operator = expr.op.span();
        let is_chain = has_let(&expr.left) || has_let(&expr.right);
        if !is_chain
            && let Some((first, mutants)) = self.group("BinaryOperator", position(operator))
        {
            let (range, operator) = (expr.span().byte_range(), operator.byte_range());
            let (left, right) =
                (&self.source[range.start..operator.start], &self.source[operator.end..range.end]);
            let others =
                mutants.iter().map(|mutant| format!("{left}{}{right}", mutant.replacement));
            let others = others.collect();
            self.choose(range, first, others);
        }
        visit::visit_expr_binary(self, expr);
    }

    fn visit_expr_unary(&mut self, expr: &'ast syn::ExprUnary) {
        let at = position(expr.op.span());
        if let Some((first, mutants)) = self.group("UnaryOperator", at) {
            let operand = &self.source[expr.expr.span().byte_range()];
            let others = vec![operand.to_owned(); mutants.len()];
            self.choose(expr.span().byte_range(), first, others);
        }
        visit::visit_expr_unary(self, expr);
    }

    fn visit_arm(&mut self, arm: &'ast syn::Arm) {
        if let Some((first, _)) = self.group("MatchArm", position(arm.pat.span())) {
            let edit = |range, before, after: &str| Edit {
                range,
                before,
                after: after.to_owned(),
                others: vec![],
                first,
                count: 1,
            };
            let edit = match &arm.guard {
                Some((_, guard)) => {
                    let range = guard.span().byte_range();
                    edit(range, format!("{} == 0 && (", on(first, 1)), ")")
                }
                None => {
                    let end = arm.pat.span().byte_range().end;
                    edit(end..end, format!(" if {} == 0", on(first, 1)), "")
                }
            };
            self.edits.push(edit);
        }
        if let Some((_, guard)) = &arm.guard
            && let Some((first, mutants)) = self.group("MatchArmGuard", position(guard.span()))
        {
            let others = mutants.into_iter().map(|mutant| mutant.replacement).collect();
            self.choose(guard.span().byte_range(), first, others);
        }
        visit::visit_arm(self, arm);
    }
}
