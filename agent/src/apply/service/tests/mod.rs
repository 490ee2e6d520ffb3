mod commands;
mod demo;
mod refusals;
mod supervisor;
mod unit;
