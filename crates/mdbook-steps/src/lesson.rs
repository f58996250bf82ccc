//! What a chapter is about: the diff of its stage, and which of its steps shows which unit.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use crate::diff;
use crate::diff::FileDiff;
use crate::diff::Tag;
use crate::directive;
use crate::directive::Arguments;
use crate::directive::Directive;
use crate::stage::Stage;
use crate::units;
use crate::units::Kind;
use crate::units::Unit;

/// The diff that a chapter is about.
pub struct Lesson<'a> {
    /// Nothing, before the first stage.
    pub before: Option<&'a Stage>,
    /// The chapter's stage.
    pub stage: &'a Stage,
    /// What changes between the two.
    pub diff: Vec<FileDiff>,
    /// The changed lines, in units.
    pub units: Vec<Unit>,
}

/// A `{{#step}}` of the chapter.
#[derive(Debug, Default)]
pub struct Step {
    /// The units that it shows.
    pub units: Vec<usize>,
    /// The drafts that it replaces.
    pub ends: Vec<String>,
}

/// All steps of a chapter, by their line, and what is wrong with them.
#[derive(Debug, Default)]
pub struct Plan {
    /// The steps, by the line of the directive.
    pub steps: BTreeMap<usize, Step>,
    /// Faults, each with its line.
    pub faults: Vec<(usize, String)>,
    /// The units that no step shows.
    pub left: Vec<usize>,
}

/// What a step asks for, in the author's words.
#[derive(Debug, Default)]
struct Wish {
    /// Texts with their places: what is shown.
    texts: Vec<(String, String)>,
    /// What comes later, `from` and perhaps `to`.
    later: Vec<(String, Option<String>)>,
    ends: Vec<String>,
}

impl<'a> Lesson<'a> {
    /// The lesson of a stage, after the one before it.
    pub fn new(before: Option<&'a Stage>, stage: &'a Stage) -> Lesson<'a> {
        let diff = diff::between(before, stage);
        let units = units::units(&diff);
        Lesson {
            before,
            stage,
            diff,
            units,
        }
    }

    /// The directive that shows a unit.
    pub fn directive(&self, unit: usize) -> String {
        units::directive(&self.diff, &self.units, &self.units[unit])
    }

    /// Decides which step shows which unit. Cuts the units where a step says `later`.
    pub fn plan(&mut self, text: &str) -> Plan {
        let mut plan = Plan::default();
        let mut wishes = BTreeMap::new();
        for (at, line) in outside_of_blocks(text) {
            let Ok(Some(Directive {
                name: "step",
                arguments,
            })) = directive::on_line(line, |_, _| Ok(()))
            else {
                continue;
            };
            match wish(&arguments) {
                Ok(wish) => _ = wishes.insert(at, wish),
                Err(fault) => plan.faults.push((at, fault)),
            }
        }
        for (at, wish) in &wishes {
            for (from, to) in &wish.later {
                if let Err(fault) = self.cut(wish, from, to.as_deref()) {
                    plan.faults.push((*at, fault));
                }
            }
        }
        let mut shown = BTreeMap::new(); // the line that shows a unit
        let mut greedy = Vec::new();
        for (at, wish) in wishes {
            let step = plan.steps.entry(at).or_default();
            step.ends = wish.ends;
            for (text, place) in wish.texts {
                if let Some(all) = self.all_of(&text, &place) {
                    greedy.push((at, text, all));
                    continue;
                }
                match self.named(&text, &place, &shown) {
                    Ok(unit) => {
                        shown.insert(unit, at);
                        step.units.push(unit);
                    }
                    Err(fault) => plan.faults.push((at, fault)),
                }
            }
        }
        for (at, text, mut all) in greedy {
            all.retain(|unit| !shown.contains_key(unit));
            if all.is_empty() {
                let fault = format!("all of {text} is shown by other steps: take it out");
                plan.faults.push((at, fault));
            }
            for unit in all {
                shown.insert(unit, at);
                plan.steps.entry(at).or_default().units.push(unit);
            }
        }
        self.send_along(&mut plan, &mut shown);
        let silent = |unit: &usize| self.units[*unit].kind == Kind::Silent;
        let all = 0..self.units.len();
        plan.left = all
            .filter(|unit| !shown.contains_key(unit) && !silent(unit))
            .collect();
        for fault in &mut plan.faults {
            if fault.1.contains(NOT_FOUND) {
                fault.1 += &self.what_is_left(&plan.left);
            }
        }
        plan
    }

    fn what_is_left(&self, left: &[usize]) -> String {
        if left.is_empty() {
            return "; all pieces are shown: take it out".into();
        }
        let mut list = "; not shown yet:".to_owned();
        for unit in left
            .iter()
            .filter(|unit| self.left_out(**unit, left).is_some())
        {
            list += &format!(
                "\n    {}   ({})",
                self.directive(*unit),
                self.units[*unit].place
            );
        }
        list
    }

    /// What is wrong if nothing shows a unit; nothing, if it will travel with another one that
    /// is left out.
    pub fn left_out(&self, unit: usize, left: &[usize]) -> Option<String> {
        let mut others = left.iter().filter(|other| **other != unit);
        if others.any(|other| self.needs(&self.units[*other], &self.units[unit])) {
            return None;
        }
        let directive = self.directive(unit);
        let place = &self.units[unit].place;
        let with = directive.replace("{{#step ", "with ").replace("}}", "");
        Some(match &self.units[unit].kind {
            Kind::Import(name) | Kind::Dependency(name) => format!(
                "left out, in {place}: no changed line mentions {name}, so say which step it \
                 belongs to: {{{{#step \"…\" {with}}}}}"
            ),
            _ => format!("left out, in {place}: {directive}"),
        })
    }

    /// Takes what is to come later out of a step's unit.
    fn cut(&mut self, wish: &Wish, from: &str, to: Option<&str>) -> Result<(), String> {
        let mut fault = "later: this step names no piece".to_owned();
        for (text, place) in &wish.texts {
            let found = match self.all_of(text, place) {
                Some(all) => all,
                None => units::find(&self.diff, &self.units, text, place),
            };
            for unit in found {
                if !self.units[unit].matches(&self.diff, from, "") {
                    fault = format!("later: no changed line of this step contains {from:?}");
                    continue;
                }
                let (rest, later) = units::split(&self.diff, &self.units[unit], from, to)?;
                self.units[unit] = rest;
                self.units.push(later);
                return Ok(());
            }
        }
        Err(fault)
    }

    /// All units of a file or an `impl`, if that is what is named.
    fn all_of(&self, text: &str, place: &str) -> Option<Vec<usize>> {
        let all = |wanted: &dyn Fn(&Unit) -> bool| {
            let units = self.units.iter().enumerate();
            let found: Vec<usize> = units
                .filter(|(_, unit)| wanted(unit) && unit.kind != Kind::Silent)
                .map(|(at, _)| at)
                .collect();
            (!found.is_empty()).then_some(found)
        };
        if place.is_empty() && self.diff.iter().any(|file| file.path == text) {
            return all(&|unit| self.diff[unit.file].path == text);
        }
        let frame = match units::find(&self.diff, &self.units, text, place)[..] {
            [frame] if self.units[frame].kind == Kind::Frame => &self.units[frame],
            _ => return None,
        };
        let below = format!("{}/", frame.key);
        all(&|unit| {
            unit.file == frame.file && (unit.key == frame.key || unit.key.starts_with(&below))
        })
    }

    /// The one unit that a text and a place name.
    fn named(
        &self,
        text: &str,
        place: &str,
        shown: &BTreeMap<usize, usize>,
    ) -> Result<usize, String> {
        let found = units::find(&self.diff, &self.units, text, place);
        match found[..] {
            [unit] => match shown.get(&unit) {
                Some(line) => Err(format!("this piece is shown in line {} already", line + 1)),
                None => Ok(unit),
            },
            [] => Err(format!(
                "no change of {} {NOT_FOUND} {text:?}",
                self.stage.name
            )),
            _ => {
                let mut list = String::new();
                for unit in &found {
                    let place = &self.units[*unit].place;
                    list += &format!("\n    {}   ({place})", self.directive(*unit));
                }
                Err(format!("{} pieces contain this text:{list}", found.len()))
            }
        }
    }

    /// Imports, dependencies and the like travel with the first step that needs them; one
    /// that goes away, with the last step that needed it.
    fn send_along(&self, plan: &mut Plan, shown: &mut BTreeMap<usize, usize>) {
        let order = |kind: &Kind| match kind {
            Kind::Frame => 1,
            Kind::Import(_) => 2,
            Kind::Module(_) => 3,
            Kind::Header => 4,
            Kind::Dependency(_) => 5,
            Kind::Code | Kind::Silent => 0,
        };
        for round in 1..=5 {
            let left: Vec<usize> = (0..self.units.len())
                .filter(|unit| order(&self.units[*unit].kind) == round && !shown.contains_key(unit))
                .collect();
            for unit in left {
                let removes = self.units[unit].removes(&self.diff);
                let needs = |step: &Step| {
                    let mut units = step.units.iter().map(|at| &self.units[*at]);
                    units.any(|other| self.needs(other, &self.units[unit]))
                };
                let mut steps = plan.steps.iter().filter(|(_, step)| needs(step));
                let found = if removes {
                    steps.next_back()
                } else {
                    steps.next()
                };
                let found = found.map(|(line, _)| *line);
                if let Some(line) = found {
                    shown.insert(unit, line);
                    plan.steps.entry(line).or_default().units.push(unit);
                }
            }
        }
    }

    /// Does what travels serve this other unit?
    pub fn needs(&self, other: &Unit, unit: &Unit) -> bool {
        let diff = &self.diff;
        let tag = match unit.removes(diff) {
            true => Tag::Delete,
            false => Tag::Insert,
        };
        let near = other.file == unit.file;
        match &unit.kind {
            Kind::Frame => near && other.key.starts_with(&format!("{}/", unit.key)),
            Kind::Import(name) => {
                let code = matches!(other.kind, Kind::Code | Kind::Frame);
                near && code && other.mentions(diff, tag, name)
            }
            Kind::Module(name) => {
                let path = &diff[other.file].path;
                let own = [format!("src/{name}.rs"), format!("src/{name}/mod.rs")];
                own.contains(path) || (near && other.mentions(diff, tag, name))
            }
            Kind::Header => near,
            Kind::Dependency(name) => {
                let within =
                    |line: &&diff::Line| line.tag == tag && line.text.contains(name.as_str());
                diff[other.file].path.ends_with(".rs")
                    && other.changed(diff).any(|line| within(&line))
            }
            Kind::Code | Kind::Silent => false,
        }
    }
}

const NOT_FOUND: &str = "contains";

/// Sorts the values of a `{{#step}}`.
fn wish(arguments: &Arguments) -> Result<Wish, String> {
    let mut wish = Wish::default();
    let mut words = BTreeSet::new();
    for (word, value) in arguments {
        match word.as_str() {
            "" if wish.texts.is_empty() => wish.texts.push((value.clone(), String::new())),
            "with" if !wish.texts.is_empty() => wish.texts.push((value.clone(), String::new())),
            "in" => match wish.texts.last_mut() {
                Some(text) if text.1.is_empty() => text.1.clone_from(value),
                _ => return Err(HOW_TO_STEP.into()),
            },
            "later" => wish.later.push((value.clone(), None)),
            "to" => match wish.later.last_mut() {
                Some(later) if later.1.is_none() => later.1 = Some(value.clone()),
                _ => return Err(HOW_TO_STEP.into()),
            },
            "ends" => wish.ends.push(value.clone()),
            _ => return Err(HOW_TO_STEP.into()),
        }
        words.insert(word);
    }
    match wish.texts.is_empty() {
        true => Err(HOW_TO_STEP.into()),
        false => Ok(wish),
    }
}

const HOW_TO_STEP: &str = "write {{#step \"text\"}} or {{#step \"text\" in \"src/main.rs\"}}, and behind it, \
     as often as needed: with \"text\", later \"text\" to \"text\", ends \"draft\"";

/// The lines of a chapter that are in no block of code.
pub fn outside_of_blocks(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut open: Option<usize> = None;
    text.lines().enumerate().filter(move |(_, line)| {
        let marker = line.len() - line.trim_start_matches('`').len();
        match open {
            Some(length) => {
                if marker >= length && line.trim_start_matches('`').trim().is_empty() {
                    open = None;
                }
                false
            }
            None if marker >= 3 => {
                open = Some(marker);
                false
            }
            None => true,
        }
    })
}
