//! The README's table is the table.

use crate::llm_attributes::rows::ROWS;
use crate::llm_names::Row;

#[test]
fn the_readme_lists_every_row_with_its_names_in_order() {
    let readme = include_str!("../README.md");
    let listed: Vec<Vec<&str>> = readme
        .lines()
        .filter(|line| {
            line.starts_with("| `gen_ai.") || line.starts_with("| `enduser.") || line.starts_with("| `inferscope.cost.")
        })
        .map(|line| {
            line.split('`')
                .skip(1)
                .step_by(2)
                .filter(|it| it.contains('.'))
                .collect()
        })
        .collect();

    let rows: Vec<Row> = ROWS.iter().map(|(_, row)| *row).collect();
    assert_eq!(listed, rows);
}
