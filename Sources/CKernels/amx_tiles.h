/* Products of tiles, for whatever they hold; included by amx.c. */

/* Four products: two tiles of rows in register A and the next with those of a panel in B and the
 * next. Sums are in registers 0...3: rows 0...15 and 16...31 of the first tile, then the second. */
#define MULTIPLY(A, B)                                                                             \
  _tile_dpbf16ps(0, A, B);                                                                         \
  _tile_dpbf16ps(1, A + 1, B);                                                                     \
  if (has_second) {                                                                                \
    _tile_dpbf16ps(2, A, B + 1);                                                                   \
    _tile_dpbf16ps(3, A + 1, B + 1);                                                               \
  }

#define LOAD_ROWS(A, from)                                                                         \
  _tile_loadd(A, from, TILE_ROW_BYTES);                                                            \
  _tile_loadd(A + 1, (from) + next_rows, TILE_ROW_BYTES)

#define LOAD_PANEL(B, from)                                                                      \
  _tile_loadd(B, from, TILE_ROW_BYTES);                                                            \
  if (has_second) _tile_loadd(B + 1, (from) + next_tile, TILE_ROW_BYTES)

/* What rows are multiplied with: one or two tiles of weights, or groups of keys, or 16 columns of
 * values, each [depth / 2, 16, 2]. */
typedef struct panel {
  const uint16_t *high, *low;
  size_t depth;
  size_t next_tile; /* how far the second lies from the first */
} panel;

/* Where the next results go, if that is not in a cache already: 32 rows, 128 bytes of each. The
 * hardware does not foresee them, so that the cache is told. */
typedef struct target {
  const float *start; /* or NULL */
  size_t stride;
} target;

/* Sums of 32 rows, [2, depth / 32, 16, 32], rows 16...31 being `next_rows` behind the first. */
ALWAYS_INLINE void sum_rows(ck_brains x, size_t next_rows, panel panel, target soon, int is_exact,
                            int has_second) {
  const size_t next_tile = panel.next_tile;
  size_t fetched = 0;
  for (size_t k = 0; k < panel.depth * CK_TILE; k += TILE_COUNT) {
    LOAD_ROWS(4, x.high + k);
    LOAD_PANEL(6, panel.high + k);
    MULTIPLY(4, 6)
    for (size_t end = fetched + 4; soon.start && fetched < 32 && fetched < end; fetched++) {
      _mm_prefetch((const char *)(soon.start + fetched * soon.stride), _MM_HINT_T1);
      _mm_prefetch((const char *)(soon.start + fetched * soon.stride + TILE_ROWS), _MM_HINT_T1);
    }
    if (!is_exact) continue;
    LOAD_PANEL(6, panel.low + k);
    MULTIPLY(4, 6)
    LOAD_ROWS(4, x.low + k);
    LOAD_PANEL(6, panel.high + k);
    MULTIPLY(4, 6)
  }
}

ALWAYS_INLINE void clear_sums(void) {
  _tile_zero(0);
  _tile_zero(1);
  _tile_zero(2);
  _tile_zero(3);
}

/* Sums from and to c [32, 32] or, with one tile to multiply with, c [32, 16]. */
ALWAYS_INLINE void load_sums(const float *c, size_t stride, int has_second) {
  const float *below = c + TILE_ROWS * stride;
  _tile_loadd(0, c, stride * sizeof *c);
  _tile_loadd(1, below, stride * sizeof *c);
  if (!has_second) return;
  _tile_loadd(2, c + CK_TILE, stride * sizeof *c);
  _tile_loadd(3, below + CK_TILE, stride * sizeof *c);
}

ALWAYS_INLINE void save_sums(float *c, size_t stride, int has_second) {
  float *below = c + TILE_ROWS * stride;
  _tile_stored(0, c, stride * sizeof *c);
  _tile_stored(1, below, stride * sizeof *c);
  if (!has_second) return;
  _tile_stored(2, c + CK_TILE, stride * sizeof *c);
  _tile_stored(3, below + CK_TILE, stride * sizeof *c);
}
