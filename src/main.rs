//! `mcp-conform`: see the library, or `mcp-conform --help`.

fn main() -> std::process::ExitCode {
    mcp_conform::cli::main()
}
