//! Series that are made up, whose future the forecasts must cover.

mod coverage;
mod earning;
