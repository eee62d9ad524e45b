//! Changes to a monorepo, such as people and bots make them: each a list of files with new bytes, or with none.

use std::collections::BTreeMap;
use std::path::Path;

use fastrand::Rng;

use crate::repo::files_below;

/// Files by their path from the root; `None` is a file that is to go.
pub(crate) type Files = BTreeMap<String, Option<Vec<u8>>>;

/// A change, with its name.
pub(crate) struct Mutation {
    pub(crate) name: &'static str,
    pub(crate) files: Files,
    /// Whether it must leave every artifact as it is, and rebuild nothing.
    pub(crate) idle: bool,
}

/// A monorepo as text.
pub(crate) struct Tree {
    pub(crate) files: BTreeMap<String, Vec<u8>>,
}

type Operator = fn(&Tree, &mut Rng) -> Option<Files>;

/// All kinds of changes, with whether they are idle.
const OPERATORS: &[(&str, bool, Operator)] = &[
    ("a comment", true, comment),
    ("a blank line", true, blank_line),
    ("a new unused schema", false, unused_schema),
    ("a default changed", false, default_changed),
    ("an attribute added", false, attribute_added),
    ("a type changed", false, type_changed),
    ("a check added", false, check_added),
    ("mixins swapped", false, mixins_swapped),
    ("a lambda's body", false, lambda_body),
    ("a constant", false, constant),
    ("an import alias", false, import_alias),
    ("a declaration moved", false, declaration_moved),
    ("a file split", false, declaration_split_off),
    ("a name captured", false, name_captured),
    ("two statements swapped", false, statements_swapped),
    ("a line removed", false, line_removed),
    ("a line doubled", false, line_doubled),
    ("an option's value", false, option_value),
    ("a settings file gone", false, settings_gone),
    ("an entry file more", false, entry_added),
    ("a name in a description", false, description_renamed),
    ("a manifest changed", false, manifest_changed),
    ("a data file", false, data_file),
    ("a data file more", false, data_file_added),
    ("a stack removed", false, stack_removed),
    ("a stack copied", false, stack_copied),
    ("a project moved", false, project_moved),
    ("a package file removed", false, package_file_removed),
    ("a package file added", false, package_file_added),
    ("a broken file", false, broken),
];

impl Tree {
    /// The files below a root, but for what git and builds write.
    pub(crate) fn read(root: &Path) -> Self {
        let kept = |path: &String| [".git/", ".konfig/", "dist/"].iter().all(|own| !path.starts_with(own));
        let read = |path: String| std::fs::read(root.join(&path)).ok().map(|bytes| (path, bytes));
        Self { files: files_below(root).into_iter().filter(kept).filter_map(read).collect() }
    }

    /// Some change of some kind.
    pub(crate) fn mutation(&self, random: &mut Rng) -> Mutation {
        loop {
            let (name, idle, operator) = OPERATORS[random.usize(..OPERATORS.len())];
            if let Some(files) = operator(self, random) {
                return Mutation { name, files, idle };
            }
        }
    }

    /// The first line that some files have otherwise, if one of them was changed.
    pub(crate) fn edit(&self, files: &Files) -> String {
        let changed = files.iter().find_map(|(path, bytes)| Some((path, self.text(path)?, bytes.as_ref()?)));
        let Some((path, old, new)) = changed else { return String::new() };
        let new = String::from_utf8_lossy(new);
        let at = old.lines().zip(new.lines()).take_while(|(old, new)| old == new).count();
        let line = |text: &str| text.lines().nth(at).unwrap_or_default().trim().to_owned();
        format!("{path}:{}: `{}` to `{}`", at + 1, line(old), line(&new))
    }

    fn names<'t>(&'t self, random: &mut Rng, fits: impl Fn(&str) -> bool) -> Option<&'t str> {
        let names: Vec<&String> = self.files.keys().filter(|path| fits(path)).collect();
        random.choice(names).map(String::as_str)
    }

    fn text(&self, path: &str) -> Option<&str> {
        std::str::from_utf8(self.files.get(path)?).ok()
    }

    /// A file of this kind, and its lines.
    fn file<'t>(&'t self, random: &mut Rng, fits: impl Fn(&str) -> bool) -> Option<(&'t str, Vec<&'t str>)> {
        let path = self.names(random, fits)?;
        Some((path, self.text(path)?.lines().collect()))
    }

    /// A KCL file; half of the time one that many stacks share.
    fn program<'t>(&'t self, random: &mut Rng) -> Option<(&'t str, Vec<&'t str>)> {
        let shared = random.bool();
        let is_shared = |path: &str| {
            path.starts_with("base/") || path.starts_with("modules/") || path.starts_with("lib/")
        };
        self.file(random, |path| path.ends_with(".k") && (is_shared(path) || !shared))
    }

    /// A line of a program that fits, with its program.
    fn line<'t>(
        &'t self,
        random: &mut Rng,
        fits: impl Fn(&[&str], usize) -> bool,
    ) -> Option<(&'t str, Vec<&'t str>, usize)> {
        for _ in 0..20 {
            let (path, lines) = self.program(random)?;
            let places: Vec<usize> = (0..lines.len()).filter(|at| fits(&lines, *at)).collect();
            if let Some(at) = random.choice(places) {
                return Some((path, lines, at));
            }
        }
        None
    }
}

fn one(path: &str, lines: &[impl AsRef<str>]) -> Files {
    let mut text = String::new();
    for line in lines {
        text.push_str(line.as_ref());
        text.push('\n');
    }
    Files::from([(path.to_owned(), Some(text.into_bytes()))])
}

/// The lines with one of them replaced by others.
fn replaced(path: &str, lines: &[&str], at: usize, with: &[&str]) -> Files {
    let new: Vec<&str> = lines[..at].iter().chain(with).chain(&lines[at + 1..]).copied().collect();
    one(path, &new)
}

fn indent(line: &str) -> &str {
    &line[..line.len() - line.trim_start().len()]
}

/// Whether a line of its own may stand before this one: not inside of a text or a continued line.
fn is_plain(lines: &[&str], at: usize) -> bool {
    let text: String = lines[..at].join("\n");
    let closed =
        text.matches("\"\"\"").count().is_multiple_of(2) && text.matches("'''").count().is_multiple_of(2);
    // A text at the very start describes the file; after anything else it is a value.
    let described = at == 0 && lines[0].starts_with("\"\"\"");
    closed
        && !described
        && (at == 0 || !lines[at - 1].trim_end().ends_with('\\'))
        && !lines[at].trim().is_empty()
}

fn comment(tree: &Tree, random: &mut Rng) -> Option<Files> {
    let (path, lines, at) = tree.line(random, is_plain)?;
    let comment = format!("{}# looked at {}", indent(lines[at]), random.u16(..));
    Some(replaced(path, &lines, at, &[&comment, lines[at]]))
}

fn blank_line(tree: &Tree, random: &mut Rng) -> Option<Files> {
    let (path, lines, at) = tree.line(random, is_plain)?;
    Some(replaced(path, &lines, at, &["", lines[at]]))
}

fn appended(tree: &Tree, random: &mut Rng, text: &str) -> Option<Files> {
    let (path, mut lines) = tree.program(random)?;
    lines.push("");
    lines.extend(text.lines());
    Some(one(path, &lines))
}

fn unused_schema(tree: &Tree, random: &mut Rng) -> Option<Files> {
    let number = random.u32(..);
    appended(tree, random, &format!("schema Unused{number}:\n    size: int = {number}\n"))
}

/// Whether a line declares an attribute in a schema: `name: type`.
fn is_attribute(lines: &[&str], at: usize) -> bool {
    let line = lines[at];
    let (name, rest) = line.trim().split_once(':').unwrap_or_default();
    let typed =
        rest.starts_with(' ') && !rest.trim().is_empty() && !rest.trim_end().ends_with(['{', '[', '(', ':']);
    let named =
        name.chars().all(|letter| letter.is_alphanumeric() || "_?".contains(letter)) && !name.is_empty();
    let header = lines[..at].iter().rev().find(|line| !line.trim().is_empty() && !line.starts_with(' '));
    line.starts_with("    ") && typed && named && header.is_some_and(|line| line.starts_with("schema "))
}

fn default_changed(tree: &Tree, random: &mut Rng) -> Option<Files> {
    let (path, lines, at) =
        tree.line(random, |lines, at| is_attribute(lines, at) && lines[at].contains(" = "))?;
    let changed = literal_changed(lines[at], random)?;
    Some(replaced(path, &lines, at, &[&changed]))
}

/// A line with another number, text or bool in place of one of its own.
fn literal_changed(line: &str, random: &mut Rng) -> Option<String> {
    let digits: Vec<usize> = line
        .char_indices()
        .filter(|(at, letter)| {
            letter.is_ascii_digit() && !line[..*at].ends_with(|c: char| c.is_alphanumeric() || c == '_')
        })
        .map(|(at, _)| at)
        .collect();
    if let Some(at) = random.choice(digits) {
        let end = line[at..].find(|c: char| !c.is_ascii_digit()).map_or(line.len(), |end| at + end);
        return Some(format!("{}{}{}", &line[..at], random.u8(1..99), &line[end..]));
    }
    if line.contains("True") {
        return Some(line.replacen("True", "False", 1));
    }
    if line.contains("False") {
        return Some(line.replacen("False", "True", 1));
    }
    let quote = line.find('"')?;
    Some(format!("{}\"x{}", &line[..quote], &line[quote + 1..]))
}

fn attribute_added(tree: &Tree, random: &mut Rng) -> Option<Files> {
    let (path, lines, at) = tree.line(random, is_attribute)?;
    let kind = ["?: int", ": int = 3", ": str", "?: {str:str}"][random.usize(..4)];
    let added = format!("{}added{}{kind}", indent(lines[at]), random.u8(..));
    Some(replaced(path, &lines, at, &[lines[at], &added]))
}

fn type_changed(tree: &Tree, random: &mut Rng) -> Option<Files> {
    let (path, lines, at) = tree.line(random, is_attribute)?;
    let line = lines[at];
    let (before, after) = line.split_once(": ")?;
    let changed = match random.u8(..3) {
        0 => format!("{before}: any | {after}"),
        1 => format!("{before}: int | {after}"),
        _ => line.replacen("int", "str", 1),
    };
    Some(replaced(path, &lines, at, &[&changed]))
}

fn check_added(tree: &Tree, random: &mut Rng) -> Option<Files> {
    let (path, lines, at) = tree.line(random, |lines, at| {
        lines[at].starts_with("schema ") && lines[at].ends_with(':') && is_plain(lines, at)
    })?;
    let end = (at + 1..lines.len()).find(|at| !lines[*at].trim().is_empty() && !lines[*at].starts_with(' '));
    let end = end.unwrap_or(lines.len());
    let test = ["True", "1 < 2", "1 > 2", "len(\"a\") == 1"][random.usize(..4)];
    if lines[at..end].iter().any(|line| line.trim() == "check:") {
        return None;
    }
    let check = format!("        {test}");
    let new: Vec<&str> =
        lines[..end].iter().chain(&["    check:", &check, ""]).chain(&lines[end..]).copied().collect();
    Some(one(path, &new))
}

fn mixins_swapped(tree: &Tree, random: &mut Rng) -> Option<Files> {
    let (path, lines, at) =
        tree.line(random, |lines, at| lines[at].trim().starts_with("mixin [") && lines[at].contains(','))?;
    let inside = lines[at].trim().strip_prefix("mixin [")?.strip_suffix(']')?;
    let mut names: Vec<&str> = inside.split(',').map(str::trim).collect();
    names.reverse();
    let swapped = format!("{}mixin [{}]", indent(lines[at]), names.join(", "));
    Some(replaced(path, &lines, at, &[&swapped]))
}

fn lambda_body(tree: &Tree, random: &mut Rng) -> Option<Files> {
    let inside = |lines: &[&str], at: usize| {
        let before = lines[..at].iter().rev().take(12);
        before.clone().any(|line| line.contains("lambda ")) && lines[at].starts_with("    ")
    };
    let (path, lines, at) = tree.line(random, inside)?;
    let changed = literal_changed(lines[at], random)?;
    Some(replaced(path, &lines, at, &[&changed]))
}

fn constant(tree: &Tree, random: &mut Rng) -> Option<Files> {
    let is_code = |line: &str| !line.starts_with("import ") && !line.contains("\"\"\"");
    let (path, lines, at) = tree.line(random, |lines, at| is_code(lines[at]))?;
    let changed = literal_changed(lines[at], random)?;
    Some(replaced(path, &lines, at, &[&changed]))
}

fn import_alias(tree: &Tree, random: &mut Rng) -> Option<Files> {
    let (path, lines, at) = tree.line(random, |lines, at| lines[at].starts_with("import "))?;
    let (target, old) = match lines[at].split_once(" as ") {
        Some((target, old)) => (target, old.trim()),
        None => (lines[at], lines[at].rsplit(['.', ' ']).next()?),
    };
    let new = format!("other{}", random.u8(..));
    let renamed: Vec<String> = lines
        .iter()
        .enumerate()
        .map(|(number, line)| match number == at {
            true => format!("{target} as {new}"),
            false => line.replace(&format!("{old}."), &format!("{new}.")),
        })
        .collect();
    Some(one(path, &renamed))
}

/// The last schema of a file: its first line.
fn last_schema(lines: &[&str]) -> Option<usize> {
    let at = lines.iter().rposition(|line| line.starts_with("schema "))?;
    let tail = lines[at + 1..].iter().all(|line| line.is_empty() || line.starts_with(' '));
    tail.then_some(at)
}

fn imports_of<'t>(lines: &[&'t str]) -> Vec<&'t str> {
    lines.iter().copied().filter(|line| line.starts_with("import ")).collect()
}

fn declaration_moved(tree: &Tree, random: &mut Rng) -> Option<Files> {
    let (path, lines) = tree.program(random)?;
    let at = last_schema(&lines)?;
    let folder = path.rsplit_once('/')?.0;
    let other = tree.names(random, |other| {
        other != path && other.ends_with(".k") && other.rsplit_once('/').is_some_and(|(it, _)| it == folder)
    })?;
    let mut target = imports_of(&lines);
    let others: Vec<&str> = tree.text(other)?.lines().collect();
    target.retain(|line| !others.contains(line));
    target.extend(&others);
    target.push("");
    target.extend(&lines[at..]);
    let mut files = one(path, &lines[..at]);
    files.extend(one(other, &target));
    Some(files)
}

fn declaration_split_off(tree: &Tree, random: &mut Rng) -> Option<Files> {
    let (path, lines) = tree.program(random)?;
    let at = last_schema(&lines)?;
    let new = format!("{}_split{}.k", path.strip_suffix(".k")?, random.u8(..));
    let mut target = imports_of(&lines);
    target.extend(&lines[at..]);
    let mut files = one(path, &lines[..at]);
    files.extend(one(&new, &target));
    Some(files)
}

fn name_captured(tree: &Tree, random: &mut Rng) -> Option<Files> {
    let names = ["len", "str", "typeof", "sum", "name", "labels", "_name", "namespace", "replicas"];
    let name = names[random.usize(..names.len())];
    appended(tree, random, &format!("{name} = lambda x {{\n    \"captured\"\n}}\n"))
}

fn is_assignment(lines: &[&str], at: usize) -> bool {
    let line = lines[at];
    line.contains(" = ")
        && line.starts_with(|letter: char| letter.is_alphabetic() || letter == '_')
        && balanced(line)
}

fn balanced(line: &str) -> bool {
    let count = |letters: &str| line.chars().filter(|letter| letters.contains(*letter)).count();
    count("([{") == count(")]}") && line.matches('"').count().is_multiple_of(2)
}

fn statements_swapped(tree: &Tree, random: &mut Rng) -> Option<Files> {
    let next = |lines: &[&str], at: usize| (at + 1..lines.len()).find(|at| is_assignment(lines, *at));
    let (path, mut lines, at) =
        tree.line(random, |lines, at| is_assignment(lines, at) && next(lines, at).is_some())?;
    let other = next(&lines, at)?;
    lines.swap(at, other);
    Some(one(path, &lines))
}

fn line_removed(tree: &Tree, random: &mut Rng) -> Option<Files> {
    let (path, lines, at) = tree.line(random, |lines, at| is_plain(lines, at) && balanced(lines[at]))?;
    Some(replaced(path, &lines, at, &[]))
}

fn line_doubled(tree: &Tree, random: &mut Rng) -> Option<Files> {
    let (path, lines, at) = tree.line(random, |lines, at| is_plain(lines, at) && balanced(lines[at]))?;
    Some(replaced(path, &lines, at, &[lines[at], lines[at]]))
}

fn is_settings(path: &str) -> bool {
    path.ends_with("settings.yaml") || path.ends_with("kcl.yaml")
}

fn option_value(tree: &Tree, random: &mut Rng) -> Option<Files> {
    let (path, lines) = tree.file(random, is_settings)?;
    let places = (0..lines.len()).filter(|at| lines[*at].trim().starts_with("value:"));
    let at = random.choice(places.collect::<Vec<_>>())?;
    let (before, _) = lines[at].split_once("value:")?;
    let changed = format!("{before}value: changed-{}", random.u8(..));
    Some(replaced(path, &lines, at, &[&changed]))
}

fn settings_gone(tree: &Tree, random: &mut Rng) -> Option<Files> {
    let path = tree.names(random, is_settings)?;
    Some(Files::from([(path.to_owned(), None)]))
}

fn entry_added(tree: &Tree, random: &mut Rng) -> Option<Files> {
    let (path, lines) = tree.file(random, is_settings)?;
    let at = lines.iter().position(|line| line.trim() == "- main.k")?;
    let entry = format!("{}- more.k", indent(lines[at]));
    let mut files = replaced(path, &lines, at, &[lines[at], &entry]);
    let folder = path.strip_suffix("/kcl.yaml").or_else(|| path.strip_suffix("/ci-test/settings.yaml"))?;
    files.insert(format!("{folder}/more.k"), Some(b"_more = 1\n".to_vec()));
    Some(files)
}

fn description_renamed(tree: &Tree, random: &mut Rng) -> Option<Files> {
    let path = tree.names(random, |path| path.ends_with("project.yaml") || path.ends_with("stack.yaml"))?;
    let name = format!("name: renamed-{}\n", random.u8(..));
    Some(Files::from([(path.to_owned(), Some(name.into_bytes()))]))
}

fn manifest_changed(tree: &Tree, random: &mut Rng) -> Option<Files> {
    let (path, mut lines) = tree.file(random, |path| path.ends_with("kcl.mod"))?;
    let version = format!("version = \"0.0.{}\"", random.u8(..));
    let at = lines.iter().position(|line| line.trim() == "[package]")?;
    lines.retain(|line| !line.starts_with("version"));
    lines.insert(at + 1, &version);
    Some(one(path, &lines))
}

fn is_data(path: &str) -> bool {
    path.contains("/data/") || path.contains("/crd/")
}

fn data_file(tree: &Tree, random: &mut Rng) -> Option<Files> {
    let path = tree.names(random, is_data)?;
    let text = format!("changed: {}\n", random.u8(..));
    Some(Files::from([(path.to_owned(), (!random.bool()).then_some(text.into_bytes()))]))
}

fn data_file_added(tree: &Tree, random: &mut Rng) -> Option<Files> {
    let folder = tree.names(random, is_data)?.rsplit_once('/')?.0;
    let name = ["new.yaml", "absent.txt", "z.txt"][random.usize(..3)];
    Some(Files::from([(format!("{folder}/{name}"), Some(b"new: 1\n".to_vec()))]))
}

fn below<'t>(tree: &'t Tree, folder: &str) -> impl Iterator<Item = (&'t String, &'t Vec<u8>)> {
    let folder = format!("{folder}/");
    tree.files.iter().filter(move |(path, _)| path.starts_with(&folder))
}

fn some_stack<'t>(tree: &'t Tree, random: &mut Rng) -> Option<&'t str> {
    let main = tree.names(random, |path| path.ends_with("/main.k"))?;
    main.strip_suffix("/main.k")
}

fn stack_removed(tree: &Tree, random: &mut Rng) -> Option<Files> {
    let stack = some_stack(tree, random)?;
    Some(below(tree, stack).map(|(path, _)| (path.clone(), None)).collect())
}

fn stack_copied(tree: &Tree, random: &mut Rng) -> Option<Files> {
    let stack = some_stack(tree, random)?;
    let copy = format!("{stack}{}", random.u8(..));
    let copied = |(path, bytes): (&String, &Vec<u8>)| (path.replacen(stack, &copy, 1), Some(bytes.clone()));
    Some(below(tree, stack).map(copied).collect())
}

fn project_moved(tree: &Tree, random: &mut Rng) -> Option<Files> {
    let project =
        tree.names(random, |path| path.ends_with("/project.yaml"))?.strip_suffix("/project.yaml")?;
    let target = format!("{project}-moved{}", random.u8(..));
    let mut files = Files::new();
    for (path, bytes) in below(tree, project) {
        files.insert(path.clone(), None);
        files.insert(path.replacen(project, &target, 1), Some(bytes.clone()));
    }
    Some(files)
}

fn package_file_removed(tree: &Tree, random: &mut Rng) -> Option<Files> {
    let (path, _) = tree.program(random)?;
    Some(Files::from([(path.to_owned(), None)]))
}

fn package_file_added(tree: &Tree, random: &mut Rng) -> Option<Files> {
    let folder = tree.program(random)?.0.rsplit_once('/')?.0;
    let number = random.u16(..);
    let text = format!("schema Fresh{number}:\n    a: int = 1\n\n_fresh{number} = 1\n");
    Some(Files::from([(format!("{folder}/fresh{number}.k"), Some(text.into_bytes()))]))
}

fn broken(tree: &Tree, random: &mut Rng) -> Option<Files> {
    appended(tree, random, "schema Broken:\n    a: = \n")
}
