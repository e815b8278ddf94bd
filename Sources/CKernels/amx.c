/* Kernels for the matrix units of x86-64 (AMX): bfloat16 factors, float32 sums.
 *
 * A float splits into two bfloat16 parts, high and low, with an error of 2^-17. Three of the four
 * products of two such numbers give the whole product with an error of about 2^-16, which is what
 * `ck_matrix_exact` asks for; one product of the high parts is rounded arithmetic.
 *
 * The units compute c [16, 16] += a [16, 32] . b [32, 16] at a time. b is stored by pairs of its
 * rows: [16, 16, 2]. */
#if defined(__x86_64__)

#include "internal.h"

#include <immintrin.h>
#include <math.h>
#include <string.h>

#pragma clang attribute push(                                                                      \
    __attribute__((target("avx2,fma,f16c,avx512f,avx512bw,avx512dq,avx512vl,avx512bf16,"           \
                          "amx-tile,amx-bf16"))),                                                  \
    apply_to = function)

#include "lanes_avx512.h"

/* Rows, and bytes in a row, of a tile register. */
#define TILE_ROWS 16
#define TILE_ROW_BYTES 64
/* Elements of a and b that one instruction sums over. */
#define DEPTH 32
/* bfloat16 numbers in a register. */
#define TILE_COUNT 512

/* All eight registers whole: 16 rows of 64 bytes. */
static void begin_tiles(void) {
  struct {
    uint8_t palette, start;
    uint8_t reserved[14];
    uint16_t row_bytes[16];
    uint8_t rows[16];
  } layout = {.palette = 1};
  for (int i = 0; i < 8; i++) {
    layout.row_bytes[i] = TILE_ROW_BYTES;
    layout.rows[i] = TILE_ROWS;
  }
  _tile_loadconfig(&layout);
}

/* ---- Splitting ---- */

/* The sixteen bits of bfloat16 at the upper end of each lane, rounded to nearest. */
ALWAYS_INLINE __m512i rounded(lanes x) {
  return _mm512_add_epi32(_mm512_castps_si512(x), _mm512_set1_epi32(0x8000));
}

/* (a0 b0 a1 b1 ...) as bfloat16. */
ALWAYS_INLINE __m512i pair(__m512i a, __m512i b) {
  const __m512i upper = _mm512_set1_epi32((int)0xffff0000);
  /* a >> 16 | (b & upper) */
  return _mm512_ternarylogic_epi32(_mm512_srli_epi32(a, 16), b, upper, 0xf8);
}

/* Stores the pairs of a and b: their high parts, and the low ones unless `low` is NULL. */
ALWAYS_INLINE void save_pairs(uint16_t *high, uint16_t *low, lanes a, lanes b) {
  const __m512i upper = _mm512_set1_epi32((int)0xffff0000);
  __m512i x = rounded(a), y = rounded(b);
  _mm512_storeu_si512(high, pair(x, y));
  if (low) {
    lanes rest_a = sub(a, _mm512_castsi512_ps(_mm512_and_si512(x, upper)));
    lanes rest_b = sub(b, _mm512_castsi512_ps(_mm512_and_si512(y, upper)));
    _mm512_storeu_si512(low, pair(rounded(rest_a), rounded(rest_b)));
  }
}

/* Stores 32 successive numbers: their high parts, and the low ones unless `low` is NULL. */
ALWAYS_INLINE void save_row(uint16_t *high, uint16_t *low, lanes a, lanes b) {
  __m512i parts = (__m512i)_mm512_cvtne2ps_pbh(b, a);
  _mm512_storeu_si512(high, parts);
  if (low) {
    __m512i first = _mm512_cvtepu16_epi32(_mm512_castsi512_si256(parts));
    __m512i second = _mm512_cvtepu16_epi32(_mm512_extracti64x4_epi64(parts, 1));
    lanes rest_a = sub(a, _mm512_castsi512_ps(_mm512_slli_epi32(first, 16)));
    lanes rest_b = sub(b, _mm512_castsi512_ps(_mm512_slli_epi32(second, 16)));
    _mm512_storeu_si512(low, (__m512i)_mm512_cvtne2ps_pbh(rest_b, rest_a));
  }
}

static void split(uint16_t *high, uint16_t *low, const float *x, size_t count) {
  for (size_t i = 0; i < count; i += 2 * LANES)
    save_row(high + i, low ? low + i : NULL, load(x + i), load(x + i + LANES));
}

/* ---- Products with packed weights ---- */

/* A block of 32 columns in tile form, [16, CK_TILE, 2]: where it goes. `low` is NULL if only high
 * parts are wanted. */
typedef struct pair_block {
  uint16_t *high, *low;
} pair_block;

/* Columns `column` and the next of a block. */
ALWAYS_INLINE void save_columns(pair_block to, size_t column, lanes a, lanes b) {
  size_t at = column * CK_TILE;
  save_pairs(to.high + at, to.low ? to.low + at : NULL, a, b);
}

ALWAYS_INLINE void pairs_codes4(pair_block to, const uint8_t *tile, size_t columns, size_t b) {
  const ck_half *scales = (const ck_half *)(tile + columns * 8) + b * 32;
  lanes d = load_half(scales), m = load_half(scales + 16);
  for (size_t v = 0; v < 4; v++) {
    const uint8_t *group = tile + b * 256 + v * 64;
#pragma unroll
    for (size_t j = 0; j < 4; j++) {
      /* Columns 4 v + 2 (j % 2) and the next: of the low nibbles for j < 2, else of the high. */
      int shift = (int)(j % 2 * 16 + j / 2 * 4);
      save_columns(to, j / 2 * 16 + 4 * v + j % 2 * 2, multiply_add(nibbles(group, shift), d, m),
                   multiply_add(nibbles(group, shift + 8), d, m));
    }
  }
}

/* Four columns of signed bytes, as CODES8 and FINE8 group them. */
ALWAYS_INLINE void pairs_bytes(pair_block to, size_t column, const uint8_t *group, lanes d) {
#pragma unroll
  for (int j = 0; j < 2; j++)
    save_columns(to, column + 2 * (size_t)j, mul(signed_bytes(group, j * 16), d),
                 mul(signed_bytes(group, j * 16 + 8), d));
}

ALWAYS_INLINE void pairs_codes8(pair_block to, const uint8_t *tile, size_t columns, size_t b) {
  lanes d = load_half((const ck_half *)(tile + columns * 16) + b * 16);
  for (size_t g = 0; g < 8; g++) pairs_bytes(to, 4 * g, tile + b * 512 + g * 64, d);
}

ALWAYS_INLINE void pairs_fine8(pair_block to, const uint8_t *tile, size_t columns, size_t b) {
  const int8_t *fine = (const int8_t *)tile + columns * 16;
  const ck_half *coarse = (const ck_half *)(fine + columns) + b * CK_BLOCK / CK_SUPERBLOCK * 16;
  for (size_t half = 0; half < 2; half++) {
    size_t column = b * CK_BLOCK + half * 16;
    __m128i scales = _mm_loadu_si128((const __m128i *)(fine + column));
    lanes d = mul(_mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(scales)), load_half(coarse));
    for (size_t g = 0; g < 4; g++)
      pairs_bytes(to, half * 16 + 4 * g, tile + column * 16 + g * 64, d);
  }
}

/* [columns][16] of numbers. */
ALWAYS_INLINE void pairs_numbers(pair_block to, const void *tile, ck_packing packing, size_t b) {
  const float *floats = (const float *)tile + b * CK_BLOCK * CK_TILE;
  const uint16_t *halves = (const uint16_t *)tile + b * CK_BLOCK * CK_TILE;
  for (size_t column = 0; column < CK_BLOCK; column += 2) {
    size_t at = column * CK_TILE;
    if (packing == CK_PACKING_FLOAT)
      save_columns(to, column, load(floats + at), load(floats + at + CK_TILE));
    else if (packing == CK_PACKING_HALF)
      save_columns(to, column, load_half(halves + at), load_half(halves + at + CK_TILE));
    else
      save_columns(to, column, load_brain(halves + at), load_brain(halves + at + CK_TILE));
  }
}

/* Columns first..<first + count of a tile of weights as b: [count / 2, CK_TILE, 2]. */
ALWAYS_INLINE void panel_pairs(uint16_t *high, uint16_t *low, int has_low, const uint8_t *tile,
                               ck_packing packing, size_t columns, size_t first, size_t count) {
  for (size_t k = 0; k < count; k += CK_BLOCK) {
    size_t b = (first + k) / CK_BLOCK;
    pair_block to = {high + k * CK_TILE, has_low ? low + k * CK_TILE : NULL};
    switch (packing) {
    case CK_PACKING_CODES4: pairs_codes4(to, tile, columns, b); break;
    case CK_PACKING_CODES8: pairs_codes8(to, tile, columns, b); break;
    case CK_PACKING_FINE8: pairs_fine8(to, tile, columns, b); break;
    case CK_PACKING_HALF:
    case CK_PACKING_BRAIN:
    case CK_PACKING_FLOAT: pairs_numbers(to, tile, packing, b); break;
    }
  }
}

/* Bytes of weights in tile form that stay in the first-level cache. */
#define PANEL_BYTES 36864

/* c [32, 32] or, with one weight tile, c [32, 16]: sums over `depth` columns. The strides are in
 * bytes; `b_next` is how far the second weight tile lies from the first, 0 where there is none. */
ALWAYS_INLINE void tile_product(float *c, size_t c_stride, const uint16_t *a_high,
                                const uint16_t *a_low, size_t a_stride, const uint16_t *b_high,
                                const uint16_t *b_low, size_t b_next, size_t depth, int accumulate,
                                int is_exact, int has_second) {
  float *below = (float *)((char *)c + TILE_ROWS * c_stride);
  if (accumulate) {
    _tile_loadd(0, c, c_stride);
    _tile_loadd(1, below, c_stride);
    if (has_second) {
      _tile_loadd(2, c + TILE_ROWS, c_stride);
      _tile_loadd(3, below + TILE_ROWS, c_stride);
    }
  } else {
    _tile_zero(0);
    _tile_zero(1);
    _tile_zero(2);
    _tile_zero(3);
  }
  size_t next_rows = TILE_ROWS * a_stride / sizeof *a_high;
  for (size_t k = 0; k < depth; k += DEPTH) {
    const uint16_t *b = b_high + k * CK_TILE;
    _tile_loadd(4, a_high + k, a_stride);
    _tile_loadd(5, a_high + next_rows + k, a_stride);
    _tile_loadd(6, b, TILE_ROW_BYTES);
    _tile_dpbf16ps(0, 4, 6);
    _tile_dpbf16ps(1, 5, 6);
    if (has_second) {
      _tile_loadd(7, b + b_next, TILE_ROW_BYTES);
      _tile_dpbf16ps(2, 4, 7);
      _tile_dpbf16ps(3, 5, 7);
    }
    if (!is_exact) continue;
    const uint16_t *rest = b_low + k * CK_TILE;
    _tile_loadd(6, rest, TILE_ROW_BYTES);
    _tile_dpbf16ps(0, 4, 6);
    _tile_dpbf16ps(1, 5, 6);
    if (has_second) {
      _tile_loadd(7, rest + b_next, TILE_ROW_BYTES);
      _tile_dpbf16ps(2, 4, 7);
      _tile_dpbf16ps(3, 5, 7);
      _tile_loadd(7, b + b_next, TILE_ROW_BYTES);
    }
    _tile_loadd(4, a_low + k, a_stride);
    _tile_loadd(5, a_low + next_rows + k, a_stride);
    _tile_loadd(6, b, TILE_ROW_BYTES);
    _tile_dpbf16ps(0, 4, 6);
    _tile_dpbf16ps(1, 5, 6);
    if (has_second) {
      _tile_dpbf16ps(2, 4, 7);
      _tile_dpbf16ps(3, 5, 7);
    }
  }
  _tile_stored(0, c, c_stride);
  _tile_stored(1, below, c_stride);
  if (has_second) {
    _tile_stored(2, c + TILE_ROWS, c_stride);
    _tile_stored(3, below + TILE_ROWS, c_stride);
  }
}

/* The rows that do not fill 32: through a buffer, so that nothing beyond them is written. */
#define COPY_ROWS(to, to_stride, from, from_stride, rows, columns)                                 \
  for (size_t i_ = 0; i_ < (rows); i_++)                                                           \
  memcpy((to) + i_ * (to_stride), (from) + i_ * (from_stride), (columns) * sizeof *(to))

ALWAYS_INLINE void product_with(ck_brains x, float *out, size_t out_stride, size_t rows,
                                const uint8_t *tiles, size_t tile_count, ck_packing packing,
                                size_t columns, int accumulate, int is_exact) {
  _Alignas(64) uint16_t panel[PANEL_BYTES / 2];
  _Alignas(64) float rest[2 * TILE_ROWS * 2 * TILE_ROWS];
  size_t tile_size = ck_tile_size(packing, columns);
  size_t limit = PANEL_BYTES / (2 * CK_TILE * sizeof *panel) / (is_exact ? 2 : 1);
  size_t pieces = (columns + limit - 1) / limit;
  size_t piece = (columns / CK_BLOCK + pieces - 1) / pieces * CK_BLOCK;
  size_t stride = columns * sizeof *x.high;
  for (size_t t = 0; t < tile_count; t += 2) {
    int has_second = t + 1 < tile_count;
    const uint8_t *tile = tiles + t * tile_size;
    for (size_t first = 0; first < columns; first += piece) {
      size_t depth = columns - first < piece ? columns - first : piece;
      size_t count = depth * CK_TILE;
      uint16_t *low = panel + 2 * count;
      for (int s = 0; s <= has_second; s++)
        panel_pairs(panel + (size_t)s * count, low + (size_t)s * count, is_exact,
                    tile + (size_t)s * tile_size, packing, columns, first, depth);
      int adds = accumulate || first > 0;
      for (size_t i = 0; i < rows; i += 2 * TILE_ROWS) {
        float *c = out + i * out_stride + t * CK_TILE;
        size_t c_stride = out_stride, some = rows - i, width = has_second ? 32 : 16;
        int is_whole = some >= 2 * TILE_ROWS;
        if (!is_whole) {
          if (adds) COPY_ROWS(rest, 32, c, out_stride, some, width);
          c = rest;
          c_stride = 32;
        }
        const uint16_t *a = x.high + i * columns + first, *a_low = NULL;
        if (is_exact) a_low = x.low + i * columns + first;
        if (has_second)
          tile_product(c, c_stride * 4, a, a_low, stride, panel, low, count, depth, adds, is_exact,
                       1);
        else
          tile_product(c, c_stride * 4, a, a_low, stride, panel, low, 0, depth, adds, is_exact, 0);
        if (!is_whole)
          COPY_ROWS(out + i * out_stride + t * CK_TILE, out_stride, rest, 32, some, width);
      }
    }
  }
}

static void product(float *out, size_t out_stride, ck_brains x, size_t rows, const void *tiles,
                    size_t tile_count, ck_packing packing, size_t columns, int accumulate) {
  begin_tiles();
  if (x.low)
    product_with(x, out, out_stride, rows, tiles, tile_count, packing, columns, accumulate, 1);
  else
    product_with(x, out, out_stride, rows, tiles, tile_count, packing, columns, accumulate, 0);
  _tile_release();
}

#include "amx_attention.h"

#pragma clang attribute pop

const ck_matrix_kernels ck_matrix_kernels_amx = {
    .split = split,
    .product = product,
    .flash = flash,
};

#endif
