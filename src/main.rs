//! `mcp-conform`: see the library, or `mcp-conform --help`.

fn main() -> std::process::ExitCode {
    share_heaps();
    mcp_conform::cli::main()
}

/// Messages are made on one thread and let go on another, for hours. With a heap per thread, as glibc has it, what that
/// leaves behind grows and grows.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[allow(unsafe_code)]
fn share_heaps() {
    const HEAPS: i32 = 2;
    // SAFETY: it sets a number, and there is no other thread yet.
    unsafe { libc::mallopt(libc::M_ARENA_MAX, HEAPS) };
}

#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
const fn share_heaps() {}
