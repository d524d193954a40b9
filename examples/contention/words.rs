//! Counts the words of a text file with all threads, and checks every count.
//!
//! A word is a longest run of characters that are letters or digits in Unicode
//! ([`char::is_alphanumeric`]), lower-cased. Everything else separates words, also the bytes that
//! are not UTF-8.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::fs;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use epochkv::{Kv, Snapshot};

use crate::faults::Faults;
use crate::figures::{count, rate};
use crate::report;
use crate::traffic::{join, spawn};
use crate::verify::Check;

/// Longer words are cut here, by both counts: nobody's words are, but a file may be hostile.
const MAX_WORD: usize = 1_024;

type Counts = HashMap<String, u64, ahash::RandomState>;

/// Counts, compares, prints; true if every count agrees.
pub(crate) fn run(file: &Path, threads: usize) -> Result<bool, String> {
    let bytes =
        fs::read(file).map_err(|error| format!("cannot read {}: {error}", file.display()))?;
    let text = String::from_utf8_lossy(&bytes);
    println!(
        "{threads} threads count the words of {} ({} bytes) in one shared store, by `incr`.",
        file.display(),
        count(bytes.len() as u64)
    );
    println!(
        "A word is a run of Unicode letters and digits, lower-cased; bytes that are not UTF-8 separate."
    );

    let store: Kv = Kv::new();
    let start = Instant::now();
    let tally = count_shared(&store, &text, threads)?;
    let shared = start.elapsed();
    let start = Instant::now();
    let counts = count_alone(&text);
    let alone = start.elapsed();

    print_counts(&counts, &tally, threads, shared, alone);
    Ok(report::checks(&checks(&store, &counts, &tally)))
}

/// What the threads did together.
#[derive(Debug, Default)]
struct Tally {
    words: u64,
    refusals: Vec<Faults>,
    panics: Vec<String>,
}

fn count_shared(store: &Kv, text: &str, threads: usize) -> Result<Tally, String> {
    thread::scope(|scope| {
        let handles = chunks(text, threads)
            .enumerate()
            .map(|(id, chunk)| {
                spawn(scope, format!("counter {id}"), move || {
                    let (mut words, mut refusals) = (0, Faults::default());
                    for_each_word(chunk, |word| match store.incr(word) {
                        Ok(_) => words += 1,
                        Err(error) => refusals.note(|| format!("incr(\"{word}\"): {error}")),
                    });
                    (words, refusals)
                })
            })
            .collect::<Result<Vec<_>, _>>()?;
        let mut tally = Tally::default();
        for handle in handles {
            if let Some((words, refusals)) = join(handle, &mut tally.panics) {
                tally.words += words;
                tally.refusals.push(refusals);
            }
        }
        Ok(tally)
    })
}

fn count_alone(text: &str) -> Counts {
    let mut counts = Counts::default();
    for_each_word(text, |word| match counts.get_mut(word) {
        Some(count) => *count += 1,
        None => {
            counts.insert(word.to_owned(), 1);
        }
    });
    counts
}

/// `text` in at most `parts` pieces of about equal length, none of which begins inside a word.
fn chunks(text: &str, parts: usize) -> impl Iterator<Item = &str> {
    let mut rest = text;
    (0..parts).map(move |part| {
        let mut target = rest.len() / (parts - part);
        while !rest.is_char_boundary(target) {
            target += 1;
        }
        let word_end = rest[target..].find(|character: char| !character.is_alphanumeric());
        let cut = word_end.map_or(rest.len(), |at| target + at);
        let (chunk, after) = rest.split_at(cut);
        rest = after;
        chunk
    })
}

/// Calls `visit` with every word of `text`, lower-cased.
fn for_each_word(text: &str, mut visit: impl FnMut(&str)) {
    let mut lower = String::new();
    for word in text.split(|character: char| !character.is_alphanumeric()) {
        if word.is_empty() {
            continue;
        }
        let word = shorten(word);
        if word.is_ascii() {
            lower.clear();
            lower.push_str(word);
            lower.make_ascii_lowercase();
        } else {
            lower = word.to_lowercase();
        }
        visit(&lower);
    }
}

/// At most [`MAX_WORD`] bytes of `word`.
fn shorten(word: &str) -> &str {
    let mut end = word.len().min(MAX_WORD);
    while !word.is_char_boundary(end) {
        end -= 1;
    }
    &word[..end]
}

fn print_counts(counts: &Counts, tally: &Tally, threads: usize, shared: Duration, alone: Duration) {
    let mut top: Vec<(&String, &u64)> = counts.iter().collect();
    top.sort_unstable_by_key(|&(word, count)| (Reverse(count), word));
    println!("\n{} words, {} of them distinct.", count(tally.words), count(counts.len() as u64));
    for (word, number) in top.iter().take(10) {
        println!("  {:>12}  {word}", count(**number));
    }
    let rate = |time: Duration| rate(tally.words, time.as_secs_f64());
    println!("\nepochkv, {threads} threads   {:>14} words/s", rate(shared));
    println!("HashMap, 1 thread    {:>14} words/s", rate(alone));
}

/// Compares in both directions: nothing missing or different, and nothing extra.
fn checks(store: &Kv, counts: &Counts, tally: &Tally) -> Vec<Check> {
    let mut finished = Check::new(
        "no thread panicked, no call was refused",
        format!("{} words were counted", count(tally.words)),
    );
    finished.problems.extend(tally.panics.iter().cloned());
    finished.blame(&tally.refusals);

    let mut wrong = Faults::default();
    let mut total = 0;
    for (word, &expected) in counts {
        total += expected;
        let stored = store.get(word).as_ref().and_then(Snapshot::as_int);
        if stored.and_then(|stored| u64::try_from(stored).ok()) != Some(expected) {
            wrong.note(|| format!("\"{word}\" is {stored:?} in the store, {expected} in the file"));
        }
    }
    let mut equal = Check::new(
        "every count equals the single-threaded one",
        format!(
            "{} of {} words agree",
            count(counts.len() as u64 - wrong.count),
            count(counts.len() as u64)
        ),
    );
    equal.blame([&wrong]);

    let keys = store.keys("*");
    let mut extra = Faults::default();
    for key in keys.iter().filter(|key| !counts.contains_key(*key)) {
        extra.note(|| format!("\"{key}\" is not a word of the file"));
    }
    let mut complete = Check::new(
        "the store holds these words and no others",
        format!("{} keys listed", count(keys.len() as u64)),
    );
    complete.blame([&extra]);
    complete.require(keys.len() == counts.len(), || {
        format!("{} keys listed for {} words", keys.len(), counts.len())
    });
    complete.require(tally.words == total, || {
        format!("{} words were counted by the threads, {total} by one", tally.words)
    });
    vec![finished, equal, complete]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        let mut words = Vec::new();
        for_each_word(text, |word| words.push(word.to_owned()));
        words
    }

    #[test]
    fn the_rule_of_words() {
        assert_eq!(words("It's ÉTÉ—été, 3.5x\u{FFFD}y"), ["it", "s", "été", "été", "3", "5x", "y"]);
        assert_eq!(words(""), [""; 0]);
        assert_eq!(words(" \n--"), [""; 0]);
        assert_eq!(words(&"ä".repeat(2_000))[0].len(), MAX_WORD);
    }

    #[test]
    fn chunks_cut_no_word_and_lose_nothing() {
        for text in ["", "a", "one two three", "eins, zwöi—drü vier", "unbroken", "  x  "] {
            for parts in 1..9 {
                let pieces: Vec<&str> = chunks(text, parts).collect();
                assert_eq!(pieces.len(), parts);
                assert_eq!(pieces.concat(), text);
                let apart: Vec<String> = pieces.iter().flat_map(|piece| words(piece)).collect();
                assert_eq!(apart, words(text), "{text:?} in {parts}");
            }
        }
    }
}
