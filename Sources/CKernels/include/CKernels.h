/* Kernels of the embedded engine: products with quantised rows, norms, rotations, attention.
 *
 * Rules
 *   - No allocation, no state, no threads, no errors: the caller brings every buffer, and shapes
 *     are the caller's promise. Nothing here may be reached with unchecked input.
 *   - Every kernel is a member of `ck_kernels`; a table exists per instruction set. The scalar
 *     table is the twin that the others must equal up to rounding.
 *   - Matrices of weights are stored as tiles of CK_TILE rows ("packed"), see `ck_packing`.
 *     A row count is rounded up to whole tiles; the rows added are zero. So outputs of products
 *     have room for whole tiles.
 *   - `columns` of a packed matrix and `width` of a head are multiples of 32 and of 16.
 *   - Pointers need the alignment of their element only; 64 bytes is fastest.
 *   - Buffers do not overlap unless a comment says so.
 */
#ifndef CKERNELS_H
#define CKERNELS_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
#error "The kernels are C."
#endif

#pragma clang assume_nonnull begin

/* Rows of weights that are stored and multiplied together. */
#define CK_TILE 16
/* Elements that share a scale, in weights and in activations. */
#define CK_BLOCK 32
/* Elements of a superblock, whose blocks' scales share a scale. */
#define CK_SUPERBLOCK 256
/* Keys in one block of a KV cache. */
#define CK_KEYS 64
/* Query rows (positions times grouped heads) that one flash tile may hold. */
#define CK_FLASH_ROWS 96
/* The same for matrix units. */
#define CK_MATRIX_ROWS 384

/* An IEEE 754 binary16 number, as its bits. */
typedef uint16_t ck_half;

/* Instruction sets. A table's kernels may be called only where `ck_available` says so. */
typedef enum ck_level {
  CK_LEVEL_SCALAR = 0,
  CK_LEVEL_AVX2 = 1,   /* AVX2, FMA, F16C */
  CK_LEVEL_AVX512 = 2, /* AVX-512 F, BW, DQ, VL, VNNI */
  CK_LEVEL_NEON = 3,   /* arm64 */
} ck_level;

/* Element formats of weight files; rows are laid out as GGUF does. */
typedef enum ck_format {
  CK_FORMAT_F32 = 0,
  CK_FORMAT_F16 = 1,
  CK_FORMAT_BF16 = 2,
  CK_FORMAT_Q4_0 = 3, /* 32 elements: half d; 16 bytes of nibbles; w = d (q - 8) */
  CK_FORMAT_Q4_1 = 4, /* 32 elements: half d, m; 16 bytes of nibbles; w = d q + m */
  CK_FORMAT_Q5_0 = 5, /* 32 elements: half d; 4 bytes of fifth bits; 16 of nibbles; d (q - 16) */
  CK_FORMAT_Q8_0 = 6, /* 32 elements: half d; 32 int8; w = d q */
  /* 256 elements: half d, half m; 12 bytes of eight 6-bit scales s and eight 6-bit minima t;
   * 128 bytes of nibbles; w = d s q - m t, with s and t for 32 elements each */
  CK_FORMAT_Q4_K = 7,
  /* 256 elements: 128 bytes of low nibbles; 64 of high pairs of bits; 16 int8 s; half d;
   * w = d s (q - 32), with s for 16 elements each */
  CK_FORMAT_Q6_K = 8,
} ck_format;

/* How a packed tile of CK_TILE rows stores its elements, k being the column, r the row.
 *
 *   CODES4  per block of 32 columns: four 64-byte groups v; byte 4 r + j of group v holds the
 *           unsigned nibbles of columns 4 v + j (low) and 16 + 4 v + j (high). After all blocks,
 *           per block: half d[16], half m[16]. w = d q + m. Holds Q4_0 and Q4_1 exactly. Of Q4_K
 *           it holds the codes exactly and the products d s and -m t rounded to half, so that
 *             |w - w'| <= 2^-11 (15 |d s| + |m t|),
 *           less than a hundredth of a step d s for the code's part. Products are multiples of
 *           2^-24, so that none is lost as too small; one beyond 65,504 becomes infinite, which
 *           no weights of a working model are.
 *   CODES8  per block: eight 64-byte groups g; byte 4 r + j is the int8 of column 4 g + j.
 *           After all blocks, per block: half d[16]. w = d q. Holds Q5_0 and Q8_0 exactly.
 *   FINE8   the codes of CODES8; after them, per 16 columns: int8 s[16]; after those, per 256
 *           columns: half d[16]. w = d s q. Holds Q6_K exactly; its product as a float is exact
 *           too, 11 + 7 + 5 bits. Columns are whole superblocks.
 *   HALF, BRAIN, FLOAT   [columns][16] of F16, BF16, F32.
 *
 * A tile's size is a multiple of 64 bytes.
 */
typedef enum ck_packing {
  CK_PACKING_CODES4 = 0,
  CK_PACKING_CODES8 = 1,
  CK_PACKING_HALF = 2,
  CK_PACKING_BRAIN = 3,
  CK_PACKING_FLOAT = 4,
  CK_PACKING_FINE8 = 5,
} ck_packing;

/* Rows of activations as int8, a scale per block of 32. x is about scale * code.
 *
 *   codes  [rows, columns]       -127...127
 *   scales [rows, columns / 32]  largest magnitude / 127
 *   sums   [rows, columns / 32]  sum of the block's codes
 */
typedef struct ck_codes {
  const int8_t *codes;
  const float *scales;
  const float *sums;
} ck_codes;

/* A block of CK_KEYS keys of one key/value head, and which of them a query may see; as halves or,
 * where `keys` is NULL, as codes.
 *
 *   keys   [width, CK_KEYS]  transposed, rotated
 *   values [CK_KEYS, width]
 *
 *   key_codes    [width, CK_KEYS]  -127...127, of keys turned by ck_hadamard
 *   key_scales   [CK_KEYS]
 *   value_codes  [CK_KEYS, width]
 *   value_scales [CK_KEYS]
 *
 * The block's first key has position `start`. A query at position p sees key j when
 *   max(first, p - reach + 1) <= j < min(end, p + 1).
 * A plan may name a block twice with disjoint ranges. Entries that no query sees must still
 * hold finite values. `is_sink` says that queries look at it with their `sink_queries`.
 */
typedef struct ck_key_block {
  const ck_half *_Nullable keys;
  const ck_half *_Nullable values;
  const int8_t *_Nullable key_codes;
  const int8_t *_Nullable value_codes;
  const ck_half *_Nullable key_scales;
  const ck_half *_Nullable value_scales;
  int32_t start;
  int32_t first;
  int32_t end;
  int32_t reach;
  int32_t is_sink;
} ck_key_block;

/* Queries of one key/value head: `positions` successive positions times `group` heads.
 *
 *   queries [positions, stride]  the group's heads are the first group * width columns, rotated
 *   out     [positions, stride]  the same shape
 *   sink_queries  like queries, rotated for positions nearer to the sinks; NULL if no block is_sink
 *
 * positions * group <= CK_FLASH_ROWS in a flash call, CK_MATRIX_ROWS on matrix units. scale is
 * usually 1 / sqrt(width).
 */
typedef struct ck_query_tile {
  const float *queries;
  const float *_Nullable sink_queries;
  float *out;
  size_t stride;
  size_t positions;
  size_t group;
  size_t width;
  int32_t position;
  float scale;
} ck_query_tile;

/* What is kept of a run of 16, 32 or 64 successive keys, so that runs can be chosen by content.
 * A block has runs = CK_KEYS / run of them, and its summary is [channels, runs] halves.
 *
 *   MEANS   the mean key: channels = width
 *   RANGES  per channel the greatest, then per channel the least: channels = 2 width
 */
typedef enum ck_summary {
  CK_SUMMARY_MEANS = 0,
  CK_SUMMARY_RANGES = 1,
} ck_summary;

typedef struct ck_kernels {
  /* Dequantises columns first..<first + count of a tile: out [count, CK_TILE].
   * first and count are multiples of CK_BLOCK. */
  void (*panel)(float *out, const void *tile, ck_packing packing, size_t columns, size_t first,
                size_t count);

  /* out[i, r] = sum_k x[i, k] w[r, k], or += where `accumulate`, for one tile of weights.
   *
   *   out [rows, out_stride]  CK_TILE columns are written
   *   x   [rows, x_stride]    `columns` are read
   */
  void (*product)(float *out, size_t out_stride, const float *x, size_t x_stride, size_t rows,
                  const void *tile, ck_packing packing, size_t columns, int accumulate);

  /* The same with 8-bit activations, for packings that ck_has_codes only. */
  void (*product_codes)(float *out, size_t out_stride, ck_codes x, size_t rows, const void *tile,
                        ck_packing packing, size_t columns, int accumulate);

  /* Quantises one row: codes, scales and sums of `ck_codes`. A NaN makes its block's scale NaN. */
  void (*quantise)(int8_t *codes, float *scales, float *sums, const float *x, size_t columns);

  /* out = x / sqrt(mean(x^2) + epsilon) * weight (Zhang & Sennrich 2019). out may be x. */
  void (*rms_norm)(float *out, const float *x, const float *weight, size_t width, float epsilon);

  /* Rotates the channel pairs (2i, 2i + 1), i < pairs, of `heads` heads in place
   * (Su et al. 2021): x [heads, width], cosines and sines [pairs], 2 pairs <= width. */
  void (*rotate)(float *x, const float *cosines, const float *sines, size_t heads, size_t width,
                 size_t pairs);

  /* gate = gate * sigmoid(gate) * up (Shazeer 2020), both [rows, stride], `columns` of each,
   * a multiple of 16. */
  void (*swiglu)(float *gate, const float *up, size_t rows, size_t columns, size_t stride);

  /* x = exp(x - max x) / sum. Entries of -inf become 0; at least one is finite. */
  void (*softmax)(float *x, size_t count);

  /* log(sum(exp(x))), count >= 1. NaN if any x is NaN or +inf. */
  float (*log_sum_exp)(const float *x, size_t count);

  /* The first place of the greatest element; 0 if none is above -inf. NaNs are passed over. */
  size_t (*index_of_greatest)(const float *x, size_t count);

  void (*to_half)(ck_half *out, const float *x, size_t count);
  void (*from_half)(float *out, const ck_half *x, size_t count);

  /* Writes one position's key and value of one head into entry `slot` of a block of
   * `ck_key_block`'s shape: key and value [width]. */
  void (*store)(ck_half *keys, ck_half *values, const float *key, const float *value, size_t width,
                size_t slot);

  /* The same as codes, of a key that is turned: the largest magnitude of each becomes 127. What is
   * not a finite number makes its scale NaN; what is below 4e-6 becomes 0. */
  void (*store_codes)(int8_t *key_codes, ck_half *key_scales, int8_t *value_codes,
                      ck_half *value_scales, const float *key, const float *value, size_t width,
                      size_t slot);

  /* Attention over the blocks of a plan by online softmax (Dao et al. 2022), exact for the keys
   * the plan shows. `scratch` has ck_flash_scratch(width) floats. A query that sees nothing
   * gets 0. */
  void (*flash)(const ck_query_tile *tile, const ck_key_block *blocks, size_t count,
                float *scratch);

  /* The same result with every score materialised: the yardstick.
   * scores [positions * group, count * CK_KEYS], scratch as for flash; any number of rows. */
  void (*dense)(const ck_query_tile *tile, const ck_key_block *blocks, size_t count, float *scores,
                float *scratch);

  /* Writes run `index` of a block's summary; all keys of the run are there.
   *   keys [width, CK_KEYS] */
  void (*summarise)(ck_half *summary, const ck_half *keys, size_t width, size_t run, size_t index,
                    ck_summary kind);

  /* The selector of a tile, [channels, runs]: its product with a summary is the sum, over the
   * tile's rows q, of q . mean (Lu et al. 2025) or of the bound sum_c max(q_c greatest_c,
   * q_c least_c) on q . key (Tang et al. 2024, section 3.2). As least <= greatest, the bound is
   * max(q, 0) . greatest + min(q, 0) . least, so that the rows can be added up before. */
  void (*gather_selector)(float *selector, const ck_query_tile *tile, size_t runs, ck_summary kind);

  /* scores[i] = sum_c selector[c, i] summary[c, i], for the `runs` of one block. */
  void (*score_runs)(float *scores, const float *selector, const ck_half *summary, size_t channels,
                     size_t runs);

  /* Rotates the channel pairs (2i, 2i + 1) of a block's keys [width, CK_KEYS] by an angle for each
   * pair and key: cosines and sines [pairs, CK_KEYS]. */
  void (*turn)(ck_half *keys, const float *cosines, const float *sines, size_t pairs);
} ck_kernels;

/* Rows of activations as bfloat16 numbers, by their upper 16 bits. x is about high + low.
 *
 *   high  x, rounded
 *   low   x - high, rounded; NULL where rounded products are wanted
 *
 * Both are [rows / 16, columns / 32, 16, 32], which units read without gaps, and have room for a
 * multiple of 32 rows; what lies in the rows added does not matter. */
typedef struct ck_brains {
  const uint16_t *high;
  const uint16_t *_Nullable low;
} ck_brains;

/* Successive packed tiles. */
typedef struct ck_tiles {
  const void *tiles;
  ck_packing packing;
} ck_tiles;

/* Columns that weights of a gated product may have. */
#define CK_GATED_COLUMNS 2048

/* What matrix units do better than vectors, for many rows at a time. The result of a row does not
 * depend on the rows beside it. */
typedef struct ck_matrix_kernels {
  /* high and low of `ck_brains` for x [rows, columns], `columns` a multiple of 32. The first row is
   * a multiple of 16 of those of `ck_brains`; low may be NULL. */
  void (*split)(uint16_t *high, uint16_t *_Nullable low, const float *x, size_t rows,
                size_t columns);

  /* The product of `ck_kernels` for `tile_count` successive tiles: with `low` it errs by 2^-16 of
   * the factors' magnitudes, without by 2^-8. */
  void (*product)(float *out, size_t out_stride, ck_brains x, size_t rows, const void *tiles,
                  size_t tile_count, ck_packing packing, size_t columns, int accumulate);

  /* What swiglu makes of the products with two matrices, as `ck_brains` of out_columns columns,
   * with `low` if x has it: column r is gate_r * sigmoid(gate_r) * up_r for r < 16 tile_count.
   * Rows are computed, and written, 32 at a time. columns <= CK_GATED_COLUMNS; `high` and `low`
   * begin at a column that is a multiple of 32. */
  void (*gated_product)(uint16_t *high, uint16_t *_Nullable low, size_t out_columns, ck_brains x,
                        size_t rows, const ck_tiles *gate, const ck_tiles *up, size_t tile_count,
                        size_t columns);

  /* The flash attention of `ck_kernels`, exact up to 2^-16 or, if not `is_exact`, 2^-8 of the
   * factors. Heads' width is a multiple of 32. scratch has ck_matrix_scratch(width) bytes, aligned
   * to 64. */
  void (*flash)(const ck_query_tile *tile, const ck_key_block *blocks, size_t count, void *scratch,
                int is_exact);
} ck_matrix_kernels;

/* The matrix units of this processor, or NULL if it has none or the system denies them. */
const ck_matrix_kernels *_Nullable ck_matrix(void);

/* Bytes of scratch that one flash call on matrix units needs. */
size_t ck_matrix_scratch(size_t width);

/* Whether this processor and operating system run the level's instructions. */
int ck_available(ck_level level);

/* The best available level. */
ck_level ck_fastest(void);

/* The level's kernels; levels that this build lacks give the scalar ones. */
const ck_kernels *ck_table(ck_level level);

/* Floats of scratch that one flash or dense call needs. */
size_t ck_flash_scratch(size_t width);

/* Elements of which a row in a file has a multiple: CK_BLOCK or CK_SUPERBLOCK. */
size_t ck_block_size(ck_format format);

/* The places of the `wanted` greatest scores, in order of place; all if there are no more. Of equal
 * scores the first are taken; what is not a number is the least. Returns how many were written.
 * Takes four passes over the scores whatever they are. */
size_t ck_choose(uint32_t *chosen, const float *scores, size_t count, size_t wanted);

/* Bytes of one row of `columns` elements in a file, and of one packed tile.
 * columns is a multiple of ck_block_size(format). */
size_t ck_row_size(ck_format format, size_t columns);
size_t ck_tile_size(ck_packing packing, size_t columns);

/* How a file's format is packed. */
ck_packing ck_packing_for(ck_format format);

/* Whether a packing stores codes, which 8-bit activations are multiplied with: CODES4, CODES8 and
 * FINE8. */
int ck_has_codes(ck_packing packing);

/* Packs `rows` rows (at most CK_TILE), row_size bytes apart, into one tile. */
void ck_pack(void *tile, const void *rows, size_t row_size, size_t row_count, ck_format format,
             size_t columns);

/* Dequantises `columns` elements of one row in a file's format. */
void ck_dequantise(float *out, const void *row, ck_format format, size_t columns);

/* Dequantises row 0...15 of a packed tile. */
void ck_unpack_row(float *out, const void *tile, ck_packing packing, size_t columns, size_t row);

/* Tells the processor that the caller waits for another thread's memory. */
static inline void ck_relax(void) {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("isb");
#endif
}

/* Turns a vector by the Hadamard matrix of the greatest power of two that divides `width`, times
 * its root, so that no channel of a key is much greater than the others (Ashkboos et al. 2024,
 * "QuaRot", section 4): 8 bits with one scale then err least. Products of two vectors, both turned,
 * are ck_hadamard_size(width) times those of the vectors. */
void ck_hadamard(float *x, size_t width);
size_t ck_hadamard_size(size_t width);

float ck_half_to_float(ck_half half);
ck_half ck_float_to_half(float value);

#pragma clang assume_nonnull end

#endif
