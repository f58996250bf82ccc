//! The programs that sessions run on: the stages, and what is built in the workshop.

use std::collections::BTreeSet;
use std::env;
use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;

use mdbook_steps::chapter::Chapter;
use mdbook_steps::chapter::Runs;
use mdbook_steps::stage;
use mdbook_steps::stage::Stage;
use mdbook_steps::workshop;
use mdbook_steps::workshop::Verdicts;
use mdbook_steps::workshop::Workshop;

/// A program that the book talks about.
#[derive(Debug, Clone)]
pub struct Program {
    /// `stage05-routing`, or `cp-05-3` in the workshop.
    pub name: String,
    /// What the book calls it: `stage05-routing`.
    pub stage: String,
    /// 5
    pub number: u32,
    /// Where its `Cargo.toml` is.
    pub folder: PathBuf,
    pub path: PathBuf,
    /// What an example's name is added to.
    pub examples: PathBuf,
    /// What the compiler says, if it refuses it.
    pub refused: Option<String>,
}

impl Program {
    /// The program of a stage.
    pub fn of_stage(number: u32) -> Result<Program, String> {
        let stages = stage::read_all(&stage::workspace()).map_err(|error| error.to_string())?;
        let stage = stages.into_iter().find(|stage| stage.number == number);
        let stage = stage.ok_or(format!("there is no stage {number:02}"))?;
        Ok(Program {
            path: built().join(&stage.name),
            examples: built().join("examples").join(""),
            name: stage.name.clone(),
            stage: stage.name,
            number,
            folder: stage.folder,
            refused: None,
        })
    }
}

/// The programs that the sessions of some chapters need, built.
pub struct Programs {
    workshop: Workshop,
    verdicts: Verdicts,
    stages: Vec<Stage>,
}

impl Programs {
    /// Builds what the sessions of the wanted chapters run on, of all chapters of the book.
    pub fn build(
        chapters: &[&Chapter],
        stages: Vec<Stage>,
        wanted: &dyn Fn(u32) -> bool,
    ) -> Programs {
        let root = stage::workspace();
        let workshop = Workshop::new(&root, chapters).unwrap();
        let mut programs = Programs {
            workshop,
            verdicts: Verdicts::new(),
            stages,
        };
        let mut names = BTreeSet::new();
        for chapter in chapters {
            for runs in chapter.sessions.values() {
                let program = program(chapter, *runs);
                if wanted(program.number) && !programs.is_stage(program) {
                    names.insert(workshop::name_of(program.number, *runs));
                }
            }
        }
        programs.verdicts = programs.workshop.build(&names).unwrap();
        programs
    }

    /// A chapter's last program is the stage, and that is built.
    fn is_stage(&self, program: &Stage) -> bool {
        let same = |stage: &Stage| stage.number == program.number && stage.files == program.files;
        self.stages.iter().any(same)
    }

    /// On what a session of a chapter runs.
    pub fn get(&self, chapter: &Chapter, runs: Runs) -> Result<Program, String> {
        let program = program(chapter, runs);
        let stage = Program::of_stage(program.number)?;
        if self.is_stage(program) {
            return Ok(stage);
        }
        let name = workshop::name_of(program.number, runs);
        let refused = self.verdicts.get(&name).cloned().flatten();
        let may = matches!(runs, Runs::Broken(at) if chapter.breaks[at].fails.is_some());
        if let Some(said) = refused.as_ref().filter(|_| !may) {
            return Err(format!("its program does not compile:\n{said}"));
        }
        Ok(Program {
            folder: self.workshop.folder(&name),
            path: self.workshop.program(&name, None),
            examples: self.workshop.program(&name, Some("")),
            name,
            refused,
            ..stage
        })
    }
}

fn program(chapter: &Chapter, runs: Runs) -> &Stage {
    match runs {
        Runs::Checkpoint(at) => &chapter.checkpoints[at].program,
        Runs::Broken(at) => &chapter.breaks[at].program,
    }
}

/// Where cargo puts the stages and our tools. They are built once, if they are not yet.
pub fn built() -> &'static PathBuf {
    // What went wrong is kept, too: many tests ask, and one build is enough.
    static BUILT: OnceLock<Result<PathBuf, &str>> = OnceLock::new();
    let built = BUILT.get_or_init(|| {
        let mut build = Command::new(env::var_os("CARGO").unwrap_or("cargo".into()));
        build.args([
            "build",
            "--quiet",
            "--locked",
            "--workspace",
            "--bins",
            "--examples",
        ]);
        // This test is target/debug/deps/sessions-0123456789abcdef.
        let test = env::current_exe().unwrap();
        let folder = test.ancestors().nth(2).unwrap().to_owned();
        if folder.ends_with("release") {
            build.arg("--release");
        }
        let status = build.current_dir(stage::workspace()).status().unwrap();
        if !status.success() {
            return Err("the stages do not build");
        }
        Ok(folder)
    });
    built.as_ref().unwrap_or_else(|fault| panic!("{fault}"))
}
