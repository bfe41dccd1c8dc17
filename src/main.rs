//! The `flowfence` program.

fn main() -> std::process::ExitCode {
    flowfence::cli::main()
}
