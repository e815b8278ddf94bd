/* Four floats at a time, for vector_kernels.h. */
#define LANES 4
/* Rows of a product's register tile: 6 x 16 floats fill 24 of 32 registers. */
#define PRODUCT_ROWS 6

typedef float32x4_t lanes;

ALWAYS_INLINE lanes load(const float *p) { return vld1q_f32(p); }
ALWAYS_INLINE void save(float *p, lanes v) { vst1q_f32(p, v); }
ALWAYS_INLINE lanes all(float value) { return vdupq_n_f32(value); }
ALWAYS_INLINE lanes add(lanes a, lanes b) { return vaddq_f32(a, b); }
ALWAYS_INLINE lanes sub(lanes a, lanes b) { return vsubq_f32(a, b); }
ALWAYS_INLINE lanes mul(lanes a, lanes b) { return vmulq_f32(a, b); }
ALWAYS_INLINE lanes divide(lanes a, lanes b) { return vdivq_f32(a, b); }
/* a * b + c */
ALWAYS_INLINE lanes multiply_add(lanes a, lanes b, lanes c) { return vfmaq_f32(c, a, b); }
/* The larger and the smaller; NaN if either is. */
ALWAYS_INLINE lanes most(lanes a, lanes b) { return vmaxq_f32(a, b); }
ALWAYS_INLINE lanes least(lanes a, lanes b) { return vminq_f32(a, b); }

ALWAYS_INLINE lanes load_half(const ck_half *p) {
  return vcvt_f32_f16(vreinterpret_f16_u16(vld1_u16(p)));
}
ALWAYS_INLINE void save_half(ck_half *p, lanes v) {
  vst1_u16(p, vreinterpret_u16_f16(vcvt_f16_f32(v)));
}
ALWAYS_INLINE lanes load_brain(const uint16_t *p) {
  return vreinterpretq_f32_u32(vshll_n_u16(vld1_u16(p), 16));
}

ALWAYS_INLINE lanes load_codes(const int8_t *p) {
  int32_t word;
  memcpy(&word, p, 4);
  int16x8_t wide = vmovl_s8(vreinterpret_s8_s32(vdup_n_s32(word)));
  return vcvtq_f32_s32(vmovl_s16(vget_low_s16(wide)));
}

/* Each lane's 32 bits, shifted right by `shift` and masked with 15, as floats. */
ALWAYS_INLINE lanes nibbles(const void *p, int shift) {
  uint32x4_t word = vshlq_u32(vreinterpretq_u32_u8(vld1q_u8(p)), vdupq_n_s32(-shift));
  return vcvtq_f32_u32(vandq_u32(word, vdupq_n_u32(15)));
}
/* The signed byte at bit `shift` of each lane's 32 bits, as floats. */
ALWAYS_INLINE lanes signed_bytes(const void *p, int shift) {
  int32x4_t word = vshlq_s32(vreinterpretq_s32_u8(vld1q_u8(p)), vdupq_n_s32(24 - shift));
  return vcvtq_f32_s32(vshrq_n_s32(word, 24));
}

ALWAYS_INLINE float sum_of(lanes v) { return vaddvq_f32(v); }
ALWAYS_INLINE float most_of(lanes v) { return vmaxvq_f32(v); }

/* v where low <= index < high, else -inf. */
ALWAYS_INLINE lanes where_between(lanes v, lanes index, float low, float high) {
  uint32x4_t inside = vandq_u32(vcgeq_f32(index, all(low)), vcltq_f32(index, all(high)));
  return vbslq_f32(inside, v, all(-INFINITY));
}
ALWAYS_INLINE lanes indices(float first) {
  const float offsets[4] = {0, 1, 2, 3};
  return add(all(first), load(offsets));
}

/* round(x), and 2^round(x) for -127 <= x <= 128. */
ALWAYS_INLINE lanes nearest(lanes x) { return vrndnq_f32(x); }
ALWAYS_INLINE lanes power_of_two(lanes whole) {
  int32x4_t exponent = vaddq_s32(vcvtq_s32_f32(whole), vdupq_n_s32(127));
  return vreinterpretq_f32_s32(vshlq_n_s32(exponent, 23));
}

/* (a0 + i b0, ...) rotated by pairs: cosines and sines are given once per pair. */
ALWAYS_INLINE lanes twice_each(const float *p) {
  float32x2_t two = vld1_f32(p);
  return vcombine_f32(vdup_lane_f32(two, 0), vdup_lane_f32(two, 1));
}
ALWAYS_INLINE lanes rotate_pairs(lanes x, lanes cosines, lanes sines) {
  const float signs[4] = {-1, 1, -1, 1};
  return multiply_add(vrev64q_f32(x), mul(sines, load(signs)), mul(x, cosines));
}
