mod commands;
mod demo;
mod foreign;
mod refusals;
mod unit;
