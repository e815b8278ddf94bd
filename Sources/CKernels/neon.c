/* Kernels for arm64. Products with 8-bit activations widen to 16 bits, which every arm64 can do. */
#if defined(__aarch64__)

#include "internal.h"

#include <arm_neon.h>
#include <math.h>
#include <string.h>

#include "lanes_neon.h"
#include "vector_kernels.h"
#include "vector_attention.h"
#include "vector_selection.h"

static void quantise(int8_t *codes, float *scales, float *sums, const float *x, size_t columns) {
  ck_kernels_scalar.quantise(codes, scales, sums, x, columns);
}

/* Adds, to each of four rows of weights (4 bytes each), the products with four codes. */
ALWAYS_INLINE int32x4_t dot4(int32x4_t sums, int8x16_t weights, int8x16_t four) {
  int16x8_t low = vmull_s8(vget_low_s8(weights), vget_low_s8(four));
  int16x8_t high = vmull_s8(vget_high_s8(weights), vget_high_s8(four));
  return vaddq_s32(sums, vpaddq_s32(vpaddlq_s16(low), vpaddlq_s16(high)));
}

ALWAYS_INLINE int8x16_t four_codes(const int8_t *codes) {
  int32_t word;
  memcpy(&word, codes, 4);
  return vreinterpretq_s8_s32(vdupq_n_s32(word));
}

static void codes_row(float *out, const int8_t *codes, const float *x_scales, const float *x_sums,
                      const uint8_t *tile, ck_packing packing, size_t columns, int accumulate) {
  int is_four_bit = packing == CK_PACKING_CODES4;
  const ck_half *scales = (const ck_half *)(tile + columns * (is_four_bit ? 8 : 16));
  for (size_t w = 0; w < ROW_VECTORS; w++) {
    lanes sums = accumulate ? load(out + w * LANES) : all(0);
    for (size_t b = 0; b < columns / CK_BLOCK; b++) {
      const int8_t *x = codes + b * CK_BLOCK;
      int32x4_t parts = vdupq_n_s32(0);
      if (is_four_bit) {
        for (size_t v = 0; v < 4; v++) {
          uint8x16_t both = vld1q_u8(tile + b * 256 + v * 64 + w * 16);
          int8x16_t low = vreinterpretq_s8_u8(vandq_u8(both, vdupq_n_u8(15)));
          parts = dot4(parts, low, four_codes(x + 4 * v));
          parts = dot4(parts, vreinterpretq_s8_u8(vshrq_n_u8(both, 4)), four_codes(x + 16 + 4 * v));
        }
        lanes m = load_half(scales + b * 32 + 16 + w * LANES);
        sums = multiply_add(m, all(x_sums[b] * x_scales[b]), sums);
      } else {
        for (size_t g = 0; g < 8; g++) {
          int8x16_t weights = vreinterpretq_s8_u8(vld1q_u8(tile + b * 512 + g * 64 + w * 16));
          parts = dot4(parts, weights, four_codes(x + 4 * g));
        }
      }
      lanes d = load_half(scales + b * (is_four_bit ? 32 : 16) + w * LANES);
      sums = multiply_add(vcvtq_f32_s32(parts), mul(d, all(x_scales[b])), sums);
    }
    save(out + w * LANES, sums);
  }
}

/* The same for FINE8: a scale for 16 columns. */
static void fine8_row(float *out, const int8_t *codes, const float *x_scales, const uint8_t *tile,
                      size_t columns, int accumulate) {
  const int8_t *fine = (const int8_t *)tile + columns * 16;
  const ck_half *coarse = (const ck_half *)(tile + columns * 17);
  for (size_t w = 0; w < ROW_VECTORS; w++) {
    lanes sums = accumulate ? load(out + w * LANES) : all(0);
    for (size_t k = 0; k < columns; k += 16) {
      int32x4_t parts = vdupq_n_s32(0);
      for (size_t g = 0; g < 4; g++) {
        int8x16_t weights = vreinterpretq_s8_u8(vld1q_u8(tile + k * 16 + g * 64 + w * 16));
        parts = dot4(parts, weights, four_codes(codes + k + 4 * g));
      }
      float s[LANES];
      for (size_t i = 0; i < LANES; i++) s[i] = fine[k + w * LANES + i];
      lanes d = mul(load(s), load_half(coarse + k / CK_SUPERBLOCK * 16 + w * LANES));
      sums = multiply_add(vcvtq_f32_s32(parts), mul(d, all(x_scales[k / CK_BLOCK])), sums);
    }
    save(out + w * LANES, sums);
  }
}

static void product_codes(float *out, size_t out_stride, ck_codes x, size_t rows, const void *tile,
                          ck_packing packing, size_t columns, int accumulate) {
  size_t blocks = columns / CK_BLOCK;
  if (packing == CK_PACKING_FINE8) {
    for (size_t i = 0; i < rows; i++)
      fine8_row(out + i * out_stride, x.codes + i * columns, x.scales + i * blocks, tile, columns,
                accumulate);
    return;
  }
  for (size_t i = 0; i < rows; i++)
    codes_row(out + i * out_stride, x.codes + i * columns, x.scales + i * blocks,
              x.sums + i * blocks, tile, packing, columns, accumulate);
}

#define TABLE ck_kernels_neon
#include "vector_table.h"

#endif
