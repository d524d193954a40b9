//! The table of differences in the documentation is the one that the suite goes by.

use crate::suite::differences::Difference;

#[test]
fn the_documentation_lists_the_differences() {
    let page = include_str!("../../../docs/ENGINE.md");
    let listed = page.lines().skip_while(|line| !line.starts_with("| what | in this process"));
    let listed: Vec<_> = listed.skip(2).take_while(|line| line.starts_with('|')).collect();
    let rows = Difference::ALL.map(Difference::row);
    let rows = rows.map(|row| format!("| {} | {} | {} |", row[0], row[1], row[2]));
    assert_eq!(listed, rows);
}
