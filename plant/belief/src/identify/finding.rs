//! Findings: what speaks against believing a table or a model.

use std::fmt;

/// How a point's numbers and its declared unit may differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Slip {
    /// Numbers are of this unit, but declared as the base unit.
    NumbersAre(&'static str),
    /// Declared as this unit, but numbers are of the base unit.
    DeclaredAs(&'static str),
}

/// Something that an engineer has to look at.
#[derive(Debug, Clone, PartialEq)]
pub enum Finding {
    /// No setpoint was moved enough to learn what it does.
    NothingMoved {
        /// Actuators that were looked at.
        actuators: usize,
    },
    /// Return is colder than supply while there is heat: one has the other's name.
    Swapped {
        /// Point that is called supply.
        supply: String,
        /// Point that is called return.
        back: String,
        /// Mean of return less supply, K.
        rise_k: f64,
    },
    /// A value that its surroundings contradict, and that another unit would explain.
    Unit {
        /// Column.
        point: String,
        /// Unit that its column declares.
        declared: String,
        /// What is likely.
        slip: Slip,
        /// Its mean, base unit.
        mean: f64,
        /// What it was held against, and what that lets expect.
        against: String,
    },
    /// Heat of water and electric power do not fit each other, and no unit explains it.
    Balance {
        /// Flow point of the water.
        flow: String,
        /// m cp dT, W.
        water_w: f64,
        /// Power that should be in the water, W.
        power_w: f64,
    },
    /// A setpoint was moved, and another point than the one it is to move answered.
    WrongPlace {
        /// Actuator.
        actuator: String,
        /// Point that it is to move.
        measures: String,
        /// Point that answers.
        answers: String,
    },
    /// A setpoint was moved and the point that it is to move stood still.
    NoAnswer {
        /// Actuator.
        actuator: String,
        /// Point that it is to move.
        measures: String,
    },
    /// A column that the site file names is not in the table.
    Missing {
        /// What needs it.
        needs: String,
        /// Column.
        column: String,
    },
    /// Too few good values to learn an output from.
    Sparse {
        /// Output.
        output: String,
    },
    /// Values far outside everything else of their column were left out.
    Wild {
        /// Column.
        column: String,
        /// How many.
        values: usize,
    },
    /// There is nothing to predict, or nothing to predict with.
    Nothing,
    /// On data that was held back the model misses the mark.
    Poor {
        /// Output.
        output: String,
        /// Error an hour ahead over the mean, %.
        cv_rmse_percent: f64,
        /// What is asked, %.
        mark_percent: f64,
    },
    /// No output was predicted better than by leaving everything as it is, nor within its mark.
    NothingLearned,
}

impl Finding {
    /// Does it keep the model from being written?
    #[must_use]
    pub const fn refuses(&self) -> bool {
        !matches!(
            self,
            Self::Missing { .. }
                | Self::Sparse { .. }
                | Self::Poor { .. }
                | Self::NoAnswer { .. }
                | Self::Wild { .. }
        )
    }

    /// What to do about it.
    #[must_use]
    pub fn remedy(&self) -> String {
        match self {
            Self::NothingMoved { .. } => {
                "record while setpoints move: see what each actuator asks for below, or use \
                                          `headroom commission`"
                    .to_owned()
            }
            Self::Swapped { supply, back, .. } => {
                format!(
                    "look where the two sensors sit and give {supply} and {back} each other's address in the site file"
                )
            }
            Self::Unit { point, slip, .. } => match slip {
                Slip::NumbersAre(unit) => {
                    format!("give {point} the unit {unit} in the site file and in the table")
                }
                Slip::DeclaredAs(unit) => {
                    format!("{point} does not come in {unit}; give it the unit that it comes in")
                }
            },
            Self::Balance { flow, .. } => {
                format!(
                    "look at {flow} and at the temperatures on both sides of it; check which racks this water cools"
                )
            }
            Self::WrongPlace { answers, actuator, .. } => {
                format!(
                    "if {answers} is what {actuator} moves, name it in `measures`; else look for two points with each other's address"
                )
            }
            Self::NoAnswer { measures, .. } => {
                format!("see whether {measures} is read from the right sensor")
            }
            Self::Missing { column, .. } => format!("record {column}, or take it out of the site file"),
            Self::Sparse { output } => format!("record longer, or see why {output} is so often not good"),
            Self::Wild { column, .. } => format!("give {column} a `range` in the site file"),
            Self::Nothing => {
                "the table needs read-backs of setpoints, the points they move, and meters".to_owned()
            }
            Self::Poor { .. } => {
                "record more of what it ran through, with setpoints moving; until then its own evidence \
                                  says how far to trust it"
                    .to_owned()
            }
            Self::NothingLearned => "record longer, with setpoints moving".to_owned(),
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NothingMoved { actuators } => {
                write!(f, "no setpoint of {actuators} was moved enough to learn what it does")
            }
            Self::Swapped { supply, back, rise_k } => write!(
                f,
                "{supply} and {back} are swapped: water comes back {:.1} K colder than it goes while there is heat",
                -rise_k
            ),
            Self::Unit { point, declared, slip, mean, against } => {
                let likely = match slip {
                    Slip::NumbersAre(unit) => format!("its numbers look like {unit}"),
                    Slip::DeclaredAs(unit) => format!("it looks as if it did not come in {unit} at all"),
                };
                write!(
                    f,
                    "{point} [{declared}] has the wrong unit: with a mean of {mean:.4} {against}; {likely}"
                )
            }
            Self::Balance { flow, water_w, power_w } => write!(
                f,
                "heat does not balance at {flow}: the water takes {:.1} kW, the power that should be in it is {:.1} kW",
                water_w / 1e3,
                power_w / 1e3
            ),
            Self::WrongPlace { actuator, measures, answers } => {
                write!(f, "{actuator} was moved and {answers} answered, not {measures}")
            }
            Self::NoAnswer { actuator, measures } => {
                write!(f, "{actuator} was moved and {measures} hardly answered")
            }
            Self::Missing { needs, column } => {
                write!(f, "{needs} needs the column {column}, which is not there")
            }
            Self::Sparse { output } => write!(f, "{output} is not good often enough to learn from"),
            Self::Wild { column, values } => {
                write!(f, "{values} values of {column} are far outside all others and were left out")
            }
            Self::Nothing => f.write_str("there is no output to predict, or no input to predict it with"),
            Self::Poor { output, cv_rmse_percent, mark_percent } => {
                write!(
                    f,
                    "{output} is missed by {cv_rmse_percent:.2} % an hour ahead; asked are {mark_percent} %"
                )
            }
            Self::NothingLearned => f.write_str(
                "no output was predicted within its mark or better than by leaving everything as it is",
            ),
        }
    }
}
