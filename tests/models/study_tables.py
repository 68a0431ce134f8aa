"""The study's tables, row by row: layer, output shape without the batch, parameters."""

ALEXNET = """
BatchNormalization 224x224x1  4
Conv2D             56x56x96   11712
Activation         56x56x96   0
MaxPooling2D       27x27x96   0
Conv2D             7x7x256    614656
Activation         7x7x256    0
MaxPooling2D       3x3x256    0
Conv2D             1x1x384    885120
Activation         1x1x384    0
Conv2D             1x1x384    1327488
Activation         1x1x384    0
Conv2D             1x1x256    884992
Activation         1x1x256    0
Flatten            256        0
Dense              4096       1052672
Dropout            4096       0
Dense              4096       16781312
Dropout            4096       0
Dense              4          16388
total 21574344
"""

LENET5 = """
Rescaling          224x224x1  0
Conv2D             220x220x6  156
AveragePooling2D   110x110x6  0
Conv2D             106x106x16 2416
AveragePooling2D   53x53x16   0
Flatten            44944      0
Dense              120        5393400
Dense              84         10164
Dense              4          340
total 5406476
"""

LMAP3 = """
BatchNormalization 224x224x1  4
Conv2D             222x222x32 320
MaxPooling2D       111x111x32 0
Conv2D             109x109x32 9248
MaxPooling2D       54x54x32   0
Conv2D             52x52x32   9248
MaxPooling2D       26x26x32   0
Conv2D             24x24x64   18496
MaxPooling2D       12x12x64   0
Conv2D             10x10x64   36928
MaxPooling2D       5x5x64     0
Dropout            5x5x64     0
Flatten            1600       0
Dense              128        204928
Dense              64         8256
Dropout            64         0
Dense              4          260
total 287688
"""

VGG19 = """
BatchNormalization 224x224x3  12
Functional         512        20024384
Dense              4          2052
total 20026448
"""

TABLES = {"alexnet": ALEXNET, "lenet5": LENET5, "lmap3": LMAP3, "vgg19": VGG19}
