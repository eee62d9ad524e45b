//! `kcl.yaml` and `ci-test/settings.yaml`: entry files, options and flags.

use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;

use kcl::world::World;
use serde::Deserialize;
use syntax::Source;

use super::problem::{Problem, ProblemKind};
use super::read;

/// What settings files say, merged in order.
#[derive(Debug, Clone, Default)]
pub(super) struct Settings {
    /// Entry files, where a file names some. The last file that does wins.
    pub files: Option<EntryList>,
    /// Options by name, as JSON text. Of two of one name the last counts.
    pub options: Vec<(String, String)>,
    /// Flags.
    pub flags: Flags,
}

/// Entry files and who names them.
#[derive(Debug, Clone)]
pub(super) struct EntryList {
    /// As they are written.
    pub names: Vec<String>,
    /// The file that names them.
    pub named_by: PathBuf,
}

/// What changes evaluation or output; later files and the command line win where they say something.
#[derive(Debug, Clone, Default)]
pub struct Flags {
    /// Overrides, in order.
    pub overrides: Vec<String>,
    /// Path selectors.
    pub selectors: Vec<String>,
    /// Integers of 32 bits.
    pub strict_range: Option<bool>,
    /// `None` is left out of the output.
    pub disable_none: Option<bool>,
    /// Mappings are sorted.
    pub sort_keys: Option<bool>,
    /// Names that start with `_` are shown.
    pub show_hidden: Option<bool>,
    /// Instances end with the name of their schema.
    pub include_schema_type_path: Option<bool>,
}

#[derive(Deserialize, Default)]
struct Document {
    kcl_cli_configs: Option<CliConfigs>,
    kcl_options: Option<Vec<KeyValue>>,
}

thread_local! {
    /// What was read last: the file that names the entries is the same in most stacks.
    static LAST: RefCell<Vec<(Arc<Source>, Rc<Document>)>> = const { RefCell::new(Vec::new()) };
}

/// How many documents a thread keeps; a stack has two.
const KEPT: usize = 4;

impl Document {
    fn of(source: &Arc<Source>, path: &Path) -> Result<Rc<Self>, Problem> {
        LAST.with_borrow_mut(|last| {
            match last.iter().position(|(known, _)| known.text() == source.text()) {
                Some(at) => last[..=at].rotate_right(1),
                None => {
                    let document = Rc::new(read::yaml(source, path)?);
                    last.truncate(KEPT - 1);
                    last.insert(0, (Arc::clone(source), document));
                }
            }
            Ok(Rc::clone(&last[0].1))
        })
    }
}

#[derive(Deserialize, Clone, Default)]
struct CliConfigs {
    file: Option<Vec<String>>,
    files: Option<Vec<String>>,
    overrides: Option<Vec<String>>,
    path_selector: Option<Vec<String>>,
    strict_range_check: Option<bool>,
    disable_none: Option<bool>,
    sort_keys: Option<bool>,
    show_hidden: Option<bool>,
    include_schema_type_path: Option<bool>,
}

#[derive(Deserialize)]
struct KeyValue {
    key: String,
    value: serde_yaml_ng::Value,
}

impl Settings {
    /// Reads a settings file on top of what earlier ones said; an absent file says nothing.
    ///
    /// # Errors
    /// Where the file cannot be read or is not a settings file.
    pub(super) fn add(&mut self, world: &dyn World, path: &Path) -> Result<bool, Problem> {
        let Some(source) = read::text(world, path)? else { return Ok(false) };
        let document = Document::of(&source, path)?;
        let Document { kcl_cli_configs, kcl_options } = &*document;
        self.add_configs(kcl_cli_configs.clone().unwrap_or_default(), path);
        for KeyValue { key, value } in kcl_options.iter().flatten() {
            let json = serde_json::to_string(value)
                .map_err(|why| Problem::new(ProblemKind::Settings(format!("option `{key}`: {why}")), path))?;
            self.options.push((key.clone(), json));
        }
        Ok(true)
    }

    fn add_configs(&mut self, configs: CliConfigs, path: &Path) {
        let CliConfigs {
            file,
            files,
            overrides,
            path_selector,
            strict_range_check,
            disable_none,
            sort_keys,
            show_hidden,
            include_schema_type_path,
        } = configs;
        let named = [file, files].into_iter().flatten().find(|names| !names.is_empty());
        if let Some(names) = named {
            self.files = Some(EntryList { names, named_by: path.to_owned() });
        }
        self.flags = std::mem::take(&mut self.flags).with(Flags {
            overrides: overrides.unwrap_or_default(),
            selectors: path_selector.unwrap_or_default(),
            strict_range: strict_range_check,
            disable_none,
            sort_keys,
            show_hidden,
            include_schema_type_path,
        });
    }
}

impl Flags {
    /// These flags, but for what `later` says.
    #[must_use]
    pub fn with(mut self, later: Self) -> Self {
        let Self {
            overrides,
            selectors,
            strict_range,
            disable_none,
            sort_keys,
            show_hidden,
            include_schema_type_path,
        } = later;
        self.overrides.extend(overrides);
        if !selectors.is_empty() {
            self.selectors = selectors;
        }
        self.strict_range = strict_range.or(self.strict_range);
        self.disable_none = disable_none.or(self.disable_none);
        self.sort_keys = sort_keys.or(self.sort_keys);
        self.show_hidden = show_hidden.or(self.show_hidden);
        self.include_schema_type_path = include_schema_type_path.or(self.include_schema_type_path);
        self
    }
}

/// Whether a text is of the form `key=value`.
#[must_use]
pub fn is_option(text: &str) -> bool {
    command_line_option(text).is_some()
}

/// The value of `-D key=value` as JSON text; `None` where it is not of that form.
///
/// JSON stands for itself, but for numbers in scientific notation; `True`, `False`, `None` and `Undefined` are
/// KCL's; everything else is text.
#[must_use]
pub(super) fn command_line_option(text: &str) -> Option<(String, String)> {
    let (key, value) = text.split_once('=')?;
    if key.is_empty() || value.is_empty() {
        return None;
    }
    let json = match value {
        "True" => "true".to_owned(),
        "False" => "false".to_owned(),
        "None" | "Undefined" => "null".to_owned(),
        _ => match serde_json::from_str::<serde_json::Value>(value) {
            Ok(serde_json::Value::Number(_)) if value.contains(['e', 'E']) => quoted(value),
            Ok(_) => value.to_owned(),
            Err(_) => bare_number(value).unwrap_or_else(|| quoted(value)),
        },
    };
    Some((key.to_owned(), json))
}

/// Numbers that KCL writes and JSON does not: `.5`, `+1`.
fn bare_number(text: &str) -> Option<String> {
    let number = text.strip_prefix('+').unwrap_or(text);
    let number = if number.starts_with('.') { format!("0{number}") } else { number.to_owned() };
    let plain = number.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    (plain && serde_json::from_str::<f64>(&number).is_ok()).then_some(number)
}

fn quoted(text: &str) -> String {
    serde_json::Value::String(text.to_owned()).to_string()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::monorepo::DiskWorld;

    fn settings(texts: &[&str]) -> Result<Settings, Problem> {
        let folder = tempfile::tempdir().expect("a folder");
        let world = DiskWorld::new(folder.path(), false);
        let mut settings = Settings::default();
        for (at, text) in texts.iter().enumerate() {
            let path = folder.path().join(format!("{at}.yaml"));
            fs::write(&path, text).expect("a file");
            settings.add(&world, &path)?;
        }
        Ok(settings)
    }

    #[test]
    fn later_files_win_and_options_add_up() {
        let merged = settings(&[
            "kcl_options:\n- {key: a, value: 1}\nkcl_cli_configs:\n  file: [x.k]\n  disable_none: true",
            "kcl_options:\n- {key: a, value: [yes, null]}\nkcl_cli_configs:\n  files: [y.k, z.k]\n  file: []",
        ])
        .expect("settings");
        assert_eq!(merged.files.expect("files").names, ["y.k", "z.k"]);
        assert_eq!(merged.flags.disable_none, Some(true));
        let options = [("a", "1"), ("a", "[\"yes\",null]")].map(|(k, v)| (k.to_owned(), v.to_owned()));
        assert_eq!(merged.options, options);
    }

    #[test]
    fn nothing_said_is_fine() {
        assert!(settings(&["", "kcl_options:", "kcl_cli_configs:\n  file:\n", "# words\n"]).is_ok());
    }

    #[test]
    fn what_is_not_a_settings_file_is_refused() {
        for text in [
            "1",
            "kcl_options:\n  key: a\n  value: 1",
            "\"",
            ":2",
            "kcl_options:\n- key: a",
            "a: [",
            "\tx: y",
        ] {
            let problem = settings(&[text]).err().unwrap_or_else(|| panic!("{text:?} is no settings file"));
            assert!(matches!(problem.kind, ProblemKind::Settings(_)));
            assert!(problem.place.is_some());
        }
    }

    #[test]
    fn aliases_of_aliases_are_bounded() {
        let line = "- key: a\n  value: &a [*a, *a, *a, *a, *a, *a, *a, *a]\n";
        let problem = settings(&[&format!("kcl_options:\n- key: a\n  value: &a 1\n{}", line.repeat(200))]);
        assert!(
            matches!(problem.err().map(|it| it.kind), Some(ProblemKind::Settings(why)) if why.contains("aliases"))
        );
        assert!(settings(&["kcl_options:\n- key: a\n  value: &a 1\n- key: b\n  value: *a\n"]).is_ok());
    }

    #[test]
    fn options_of_the_command_line() {
        let value = |text: &str| command_line_option(&format!("k={text}")).map(|(_, json)| json);
        for (text, json) in [
            ("1", "1"),
            (".0", "0.0"),
            ("1e3", "\"1e3\""),
            ("True", "true"),
            ("Undefined", "null"),
            ("[1,2]", "[1,2]"),
            ("\"q\"", "\"q\""),
            ("word", "\"word\""),
            ("a=b", "\"a=b\""),
            ("1.2.3", "\"1.2.3\""),
        ] {
            assert_eq!(value(text).as_deref(), Some(json), "{text}");
        }
        assert!(["=1", "k=", "k"].iter().all(|text| command_line_option(text).is_none()));
    }
}
