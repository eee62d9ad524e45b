//! Text to tree.

use std::sync::Arc;

use syntax::{Source, Span};

use super::{Features, Subject, check_all, check_span};
use crate::input::Input;

/// Keywords, operators and beginnings of things.
pub(super) const WORDS: &[&str] = &[
    "import ",
    "schema ",
    "mixin ",
    "protocol ",
    "rule ",
    "lambda ",
    "assert ",
    "check:\n",
    "if ",
    "elif ",
    "else:",
    "for ",
    " in ",
    " not in ",
    " is ",
    " is not ",
    " and ",
    " or ",
    "not ",
    " as ",
    "all ",
    "any ",
    "map ",
    "filter ",
    "type ",
    "True",
    "False",
    "None",
    "Undefined",
    "any",
    "int",
    "str",
    "float",
    "bool",
    "self",
    "super",
    "->",
    "**",
    "//",
    "<<",
    ">>",
    "==",
    "!=",
    "<=",
    ">=",
    "+=",
    "-=",
    "*=",
    "|=",
    "&=",
    "?.",
    "?[",
    "...",
    "::",
    ":",
    ",",
    ";",
    ".",
    "@",
    "$",
    "\\",
    "\\\n",
    "\"\"\"",
    "'''",
    "r\"",
    "${",
    "\\u{10ffff}",
    "\\N{",
    "\n",
    "\r\n",
    "\t",
    "    ",
    "\u{feff}",
    "\u{a0}",
    "\0",
    "é",
    "𝒳",
    "0x",
    "0o7",
    "0b",
    "1Ki",
    "1e400",
    "1_0",
    "[str]",
    "{str:int}",
    "[...str]: ",
    "x?: int",
    "@deprecated(strict=False)",
    "import math",
    "import yaml",
    "import json",
    "import regex",
    "import manifests",
    "import units",
    "import net",
    "import crypto",
    "import base64",
    "import datetime",
    "import template",
    "import collection",
    "import file",
    "math.pow(2, 1000)",
    "regex.match(a, \"(a*)*b\")",
    "json.encode(a)",
    "yaml.encode(a)",
    "yaml.decode(\"- &a [*a]\")",
    "json.decode(\"[1]\")",
    "manifests.yaml_stream([a])",
    "option(\"x\")",
    "range(10)",
    "len(a)",
    "sorted(a)",
    "zip(a, a)",
    "enumerate(a)",
    "typeof(a)",
    "isunique(a)",
    "sum(a)",
    "min(a)",
    "hex(1)",
    "int(\"9\")",
    "\"{}\".format(a)",
    ".instances()",
    ".replace(\"\", \"a\")",
    ".split(\"\")",
    ".join([a])",
    "[::-1]",
    "[-1:]",
    "S {",
    "S()",
    "_a",
    "a",
    "b",
    "x",
    "y",
    "= 1",
    "{**a}",
    "*a",
    "| a",
    "if True: ",
    "{a.b.c = 1}",
    "a[0] = 1",
];

pub(super) struct Parser;

impl Subject for Parser {
    fn run(&mut self, input: &Input) -> Result<Features, String> {
        let source = Arc::new(Source::new("input.k", input.text.as_str()));
        let (tree, problems) = syntax::parse(&source);
        check_tree(&source, &format!("{tree:?}"))?;
        let (expr, more) = syntax::parse_expr(&source);
        check_tree(&source, &format!("{expr:?}"))?;
        let mut features = check_all(&problems)?;
        features.extend(check_all(&more)?);
        Ok(features)
    }
}

/// Every place in a tree as it prints itself: so no kind of node can be forgotten.
fn check_tree(source: &Source, tree: &str) -> Result<(), String> {
    for place in tree.split("Span { start: ").skip(1) {
        let numbers = place.split_once(" }").and_then(|(numbers, _)| numbers.split_once(", end: "));
        let Some((start, end)) = numbers else { continue };
        if let (Ok(start), Ok(end)) = (start.parse(), end.parse()) {
            check_span(source, Span::new(start, end), "a node")?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_outside_of_the_text_are_found() {
        let source = Source::new("input.k", "a = \"é\"");
        let (tree, _) = syntax::parse(&Arc::new(Source::new("input.k", source.text())));
        assert_eq!(check_tree(&source, &format!("{tree:?}")), Ok(()));
        assert!(check_tree(&source, "Span { start: 0, end: 6 }").is_err());
        assert!(check_tree(&source, "Span { start: 4, end: 9 }").is_err());
    }
}
