/* The table of the kernels that the including file has compiled. */
const ck_kernels TABLE = {
    .panel = panel,
    .product = product,
    .product_codes = product_codes,
    .quantise = quantise,
    .rms_norm = rms_norm,
    .rotate = rotate,
    .swiglu = swiglu,
    .softmax = softmax,
    .log_sum_exp = log_sum_exp,
    .index_of_greatest = index_of_greatest,
    .to_half = to_half,
    .from_half = from_half,
    .store = store,
    .store_codes = store_codes,
    .flash = flash,
    .dense = dense,
};
