//! Program to document.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use bumpalo::Bump;
use kcl::eval::{Limits, Run, Settings};
use kcl::lower::code::PackageCode;
use kcl::lower::lower_main;
use kcl::plan::{self, PlanOptions};
use kcl::resolve::merge::Merged;
use kcl::resolve::{Main, Program, Request};
use kcl::types::check_main;
use syntax::{Diagnostic, Source};

use super::{Features, Subject, check_all};
use crate::input::{Corpus, Input};
use crate::world::MemoryWorld;

/// The name of the program in its folder.
const NAME: &str = "input-of-this-run.k";

/// Where inputs lie that have no folder of their own.
const NOWHERE: &str = "/nowhere";

/// How much a program may do: little, so that there can be many.
const LIMITS: Limits = Limits { steps: 200_000, memory: 64 << 20 };
const MAX_BYTES: usize = 64 << 20;

pub(super) struct Evaluator {
    world: MemoryWorld,
    program: Program,
}

impl Evaluator {
    pub(super) fn new(corpus: &Corpus) -> Self {
        Self { world: MemoryWorld::new(&corpus.files), program: Program::new() }
    }
}

impl Subject for Evaluator {
    fn run(&mut self, input: &Input) -> Result<Features, String> {
        let nowhere = input.folder.as_os_str().is_empty();
        let folder = if nowhere { Path::new(NOWHERE) } else { &input.folder };
        let path = folder.join(NAME);
        let source = Arc::new(Source::new(NAME, input.text.as_str()));
        self.world.tested = vec![(path.clone(), source)];
        match compile(&self.program, &self.world, folder, path) {
            Ok(len) => Ok(vec![format!("documents of about 2^{} bytes", len.max(1).ilog2())]),
            Err(problems) => check_all(&problems),
        }
    }
}

/// What the build does with a program, with few resources; how long the documents are.
fn compile(
    program: &Program,
    world: &MemoryWorld,
    folder: &Path,
    path: PathBuf,
) -> Result<usize, Vec<Diagnostic>> {
    let request = Request { work_dir: folder.to_owned(), files: vec![path], ..Request::default() };
    let main = program.load_main(world, &request);
    sound(&main.problems)?;
    if main.cyclic || main.package.files.is_empty() {
        return Ok(0);
    }
    let merged = main.merged();
    sound(&check_main(program, &main, &merged))?;
    let code = lower_all(program, &main, &merged);
    let settings = Settings { work_dir: folder.to_owned(), limits: LIMITS, ..Settings::default() };
    let arena = Bump::new();
    let Some(run) = Run::new(&arena, program, &code, world, &settings) else { return Ok(0) };
    let value = run.evaluate(&main.closure).map_err(|failure| vec![*failure])?.value;
    let plain = PlanOptions { max_bytes: MAX_BYTES, ..PlanOptions::default() };
    let options = PlanOptions { sort_keys: true, show_hidden: true, ..plain };
    // What a writer refuses has no place to look at.
    let yaml = plan::yaml(value, &plain).map_or(0, |text| text.len());
    Ok(yaml + plan::json(value, &options).map_or(0, |text| text.len()))
}

fn sound(problems: &[Diagnostic]) -> Result<(), Vec<Diagnostic>> {
    if problems.iter().any(|problem| problem.code.is_error()) { Err(problems.to_vec()) } else { Ok(()) }
}

fn lower_all(program: &Program, main: &Main, merged: &Merged<'_>) -> PackageCode {
    main.closure.iter().for_each(|id| _ = program.code(*id));
    lower_main(main, merged, program)
}
