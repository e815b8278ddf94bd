/* Weights in tile form; included by amx.c. */

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

/* Where in a float a nibble q makes 2^e + q of it, and what is added to the product with d so that
 * it becomes d q + m. */
typedef struct nibble_place {
  __m512i mask, power;
  lanes offset;
} nibble_place;

ALWAYS_INLINE nibble_place place_nibbles(int bit, float power, lanes d, lanes m) {
  return (nibble_place){_mm512_set1_epi32(15 << bit), _mm512_castps_si512(all(power)),
                        multiply_add(all(-power), d, m)};
}

ALWAYS_INLINE lanes placed_nibbles(__m512i words, lanes d, nibble_place place) {
  /* words & mask | power */
  __m512i bits = _mm512_ternarylogic_epi32(words, place.mask, place.power, 0xea);
  return multiply_add(_mm512_castsi512_ps(bits), d, place.offset);
}

/* The same where only high parts are wanted, with a fifth fewer instructions: nibbles need not
 * become numbers if they are brought to bits 12 and 16. The offsets lose up to 2^-14 d, a fraction
 * of what rounding to bfloat16 does. */
ALWAYS_INLINE void rounded_codes4(pair_block to, const uint8_t *codes, lanes d, lanes m) {
  nibble_place low = place_nibbles(12, 2048, d, m), high = place_nibbles(16, 128, d, m);
  for (size_t v = 0; v < 4; v++) {
    __m512i words = _mm512_loadu_si512(codes + v * 64);
    __m512i right8 = _mm512_srli_epi32(words, 8), right16 = _mm512_srli_epi32(words, 16);
    __m512i left8 = _mm512_slli_epi32(words, 8), left12 = _mm512_slli_epi32(words, 12);
    save_columns(to, 4 * v, placed_nibbles(left12, d, low), placed_nibbles(left8, d, high));
    save_columns(to, 4 * v + 2, placed_nibbles(words, d, high), placed_nibbles(right8, d, high));
    save_columns(to, 16 + 4 * v, placed_nibbles(left8, d, low), placed_nibbles(words, d, low));
    save_columns(to, 16 + 4 * v + 2, placed_nibbles(right8, d, low),
                 placed_nibbles(right16, d, low));
  }
}

ALWAYS_INLINE void pairs_codes4(pair_block to, const uint8_t *tile, size_t columns, size_t b) {
  const ck_half *scales = (const ck_half *)(tile + columns * 8) + b * 32;
  lanes d = load_half(scales), m = load_half(scales + 16);
  if (!to.low) {
    rounded_codes4(to, tile + b * 256, d, m);
    return;
  }
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
ALWAYS_INLINE void fill_panel(uint16_t *high, uint16_t *low, const uint8_t *tile,
                              ck_packing packing, size_t columns, size_t first, size_t count) {
  for (size_t k = 0; k < count; k += CK_BLOCK) {
    size_t b = (first + k) / CK_BLOCK;
    pair_block to = {high + k * CK_TILE, low ? low + k * CK_TILE : NULL};
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
