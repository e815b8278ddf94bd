/* Which kernels this machine may run. */
#include "internal.h"

#if defined(__x86_64__)
#include <cpuid.h>
#if defined(__linux__)
#include <sys/syscall.h>
#include <unistd.h>
#endif

/* Register state that the operating system saves on a context switch. */
static uint64_t saved_state(void) {
  uint32_t low, high;
  __asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return (uint64_t)high << 32 | low;
}

static int has_bits(uint32_t value, uint32_t bits) { return (value & bits) == bits; }

static int available_x86(ck_level level) {
  uint32_t a, b, c, d;
  if (!__get_cpuid(1, &a, &b, &c, &d)) return 0;
  if (!has_bits(c, bit_OSXSAVE | bit_AVX | bit_FMA | bit_F16C)) return 0;
  uint64_t state = saved_state();
  if (!__get_cpuid_count(7, 0, &a, &b, &c, &d)) return 0;
  if (!has_bits(b, bit_AVX2) || (state & 0x6) != 0x6) return 0;
  if (level == CK_LEVEL_AVX2) return 1;
  return has_bits(b, bit_AVX512F | bit_AVX512BW | bit_AVX512DQ | bit_AVX512VL) &&
         has_bits(c, bit_AVX512VNNI) && (state & 0xe6) == 0xe6;
}
#endif

#if defined(__x86_64__) && defined(__linux__)
/* Linux lends the tile registers' state to a process that asks; its threads inherit it. */
static int may_use_tiles(void) {
  enum { request_permission = 0x1023, tile_data = 18 };
  return syscall(SYS_arch_prctl, request_permission, tile_data) == 0;
}

static int has_matrix_units(void) {
  uint32_t a, b, c, d;
  if (!available_x86(CK_LEVEL_AVX512)) return 0;
  if (!__get_cpuid_count(7, 0, &a, &b, &c, &d) || !has_bits(d, bit_AMXTILE | bit_AMXBF16)) return 0;
  if (!__get_cpuid_count(7, 1, &a, &b, &c, &d) || !has_bits(a, bit_AVX512BF16)) return 0;
  return (saved_state() & 0x60000) == 0x60000 && may_use_tiles();
}
#endif

const ck_matrix_kernels *ck_matrix(void) {
#if defined(__x86_64__) && defined(__linux__)
  if (has_matrix_units()) return &ck_matrix_kernels_amx;
#endif
  return NULL;
}

int ck_available(ck_level level) {
  switch (level) {
  case CK_LEVEL_SCALAR: return 1;
  case CK_LEVEL_AVX2:
  case CK_LEVEL_AVX512:
#if defined(__x86_64__)
    return available_x86(level);
#else
    return 0;
#endif
  case CK_LEVEL_NEON:
#if defined(__aarch64__)
    return 1;
#else
    return 0;
#endif
  }
  return 0;
}

ck_level ck_fastest(void) {
  if (ck_available(CK_LEVEL_AVX512)) return CK_LEVEL_AVX512;
  if (ck_available(CK_LEVEL_AVX2)) return CK_LEVEL_AVX2;
  if (ck_available(CK_LEVEL_NEON)) return CK_LEVEL_NEON;
  return CK_LEVEL_SCALAR;
}

const ck_kernels *ck_table(ck_level level) {
  switch (level) {
#if defined(__x86_64__)
  case CK_LEVEL_AVX2: return &ck_kernels_avx2;
  case CK_LEVEL_AVX512: return &ck_kernels_avx512;
#elif defined(__aarch64__)
  case CK_LEVEL_NEON: return &ck_kernels_neon;
#endif
  default: return &ck_kernels_scalar;
  }
}
