mod commands;
mod demo;
mod refusals;
mod unit;
